-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local function client(address, options, q)
  local moons = require "manymoons"
  local c, why = moons.Client(address, options)
  if not c then return q:put(why) end
  c:send({ 1, "two", { three = true }, f = function(x) return x + 1 end })
  c:send_bytes("raw \0 bytes")
  c:send(("x"):rep(3000000))
  q:put(c:recv(expect.HANG))
  c:close()
end

local pid = mm.current_process().pid
local path = os.tmpname()
os.remove(path)
for _, address in ipairs({ false, "127.0.0.1:0", "@manymoons-test-" .. pid, path }) do
  local listener = assert(mm.Listener(address or nil, { authkey = "secret" }))
  local q = mm.Queue()
  local wrong = mm.Process(client, listener.address, { authkey = "wrong" }, q)
  wrong:start()
  expect.equal({ listener:accept(expect.HANG) }, { nil, "authentication failed" })
  expect.equal(q:get(expect.HANG), "authentication failed")
  wrong:join()
  local right = mm.Process(client, listener.address, { authkey = "secret" }, q)
  right:start()
  local c = listener:accept(expect.HANG)
  expect.equal(mm.wait({ c }, expect.HANG), { c })
  expect.equal(c:poll(expect.HANG), true)
  local value = c:recv(expect.HANG)
  expect.equal({ value[1], value[2], value[3].three, value.f(1) }, { 1, "two", true, 2 })
  expect.raises("Connection:recv: the next message was sent with send_bytes", c.recv, c, expect.HANG)
  expect.equal(c:recv_bytes(20), "raw \0 bytes")
  expect.equal(#c:recv(expect.HANG), 3000000)
  expect.equal({ c:recv(0.01) }, { nil, "timeout" })
  expect.equal({ c:recv(0) }, { nil, "timeout" })
  expect.equal(c:poll(), false)
  c:send("bye")
  expect.equal(q:get(expect.HANG), "bye")
  expect.equal({ c:recv(expect.HANG) }, { nil, "closed" })
  right:join()
  c:close()
  c:close()
  expect.raises("Connection:recv: used after close", c.recv, c)
  listener:close()
  listener:close()
  expect.raises("Listener:accept: used after close", listener.accept, listener)
  expect.truthy(select(2, mm.Client(listener.address, { authkey = "secret" })):match("^E"))
end
expect.equal(io.open(path), nil, "the listener's file is gone")

expect.equal({ mm.Listener():accept(0.01) }, { nil, "timeout" })
expect.raises("Listener: address: '/path', '@name', 'host:port'", mm.Listener, 5)
expect.raises("Client: authkey: a string expected", mm.Client, "@x", { authkey = "" })
expect.raises("Client: unknown option 'key'", mm.Client, "@x", { key = "" })
expect.equal({ mm.Client("nonsense") }, { nil, "no such address: nonsense" })
local first = assert(mm.Listener("@manymoons-two-" .. pid))
expect.equal({ mm.Listener("@manymoons-two-" .. pid) }, { nil, "EADDRINUSE: Address already in use" })
first:close()
