-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

for _, name in ipairs({ "Listener", "Client" }) do
  local make = mm[name]
  for _, address in ipairs({ "127.0.0.1:65536", "localhost:70000", "[::1]:99999999999", { "127.0.0.1", 65536 },
    "127.0.0.1:-1", { "127.0.0.1", 1.5 } }) do
    expect.raises(name .. ": address: a port from 0 to 65535 expected, got ", make, address)
  end
  for _, path in ipairs({ "/" .. ("x"):rep(199), "@" .. ("x"):rep(199), "./" .. ("x"):rep(198) }) do
    expect.raises(name .. ": address: a path or name of at most 107 bytes expected, got one of 200", make, path)
  end
  for _, address in ipairs({ "nonsense", "127.0.0.1:", "no host:80" }) do
    expect.equal({ make(address) }, { nil, "no such address: " .. address })
  end
  expect.truthy(select(2, make("/no/such/folder/x")):find("^ENOENT"))
end
local path = "@manymoons-107-" .. mm.current_process().pid
path = path .. ("x"):rep(107 - #path)
local listener = assert(mm.Listener(path))
expect.equal(listener.address, path)

if mm.current_world() ~= "serial" then
  local sender = mm.Process(function(address, HANG)
    local c = require("manymoons").Client(address)
    c:send_bytes(("x"):rep(5000))
    c:send("after it")
    c:recv(HANG)
  end, path, expect.HANG)
  sender:start()
  local c = listener:accept(expect.HANG)
  c._state.most = 1000
  for _ = 1, 2 do
    expect.equal({ c:recv_bytes(expect.HANG) },
      { nil, "message too large: it has 5000 bytes, and max_message is 1000" })
  end
  expect.equal(mm.wait({ c }, expect.HANG), { c })
  expect.raises("Connection:send_bytes: a message of at most 1000 bytes %(max_message%) expected, got 1001",
    c.send_bytes, c, ("x"):rep(1001))
  c:close()
  expect.raises("wait: thing 2: Connection: used after close", mm.wait, { listener, c }, 0)
  sender:join()
end
listener:close()
expect.raises("wait: thing 1: Listener: used after close", mm.wait, { listener }, 0)
