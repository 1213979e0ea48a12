-- SPDX-License-Identifier: MIT
-- Python's closed, readable and writable; send_bytes with an offset and a size; recv_bytes with a limit, which leaves
-- a longer message where it is. The same for pipes and for sockets.
local mm = require "manymoons"
local expect = require "expect"

local function check_state(connection, closed, readable, writable)
  expect.equal({ connection.closed, connection.readable, connection.writable }, { closed, readable, writable })
end

-- Each end may close; `here` has sent what `there` receives.
local function check_parts(here, there)
  check_state(here, false, true, true)
  local text = "moonlight"
  expect.truthy(here:send_bytes(text, 4))
  expect.truthy(here:send_bytes(text, 0, 4))
  expect.truthy(here:send_bytes(text, 9))
  expect.truthy(here:send_bytes(text, nil, 2))
  expect.truthy(here:send("a value"))
  expect.equal({ there:recv_bytes(expect.HANG, 4) },
    { nil, "too large: the next message has 5 bytes, and the limit is 4" })
  expect.equal(there:poll(), true)
  expect.equal(there:recv_bytes(expect.HANG, 5), "light")
  expect.equal(there:recv_bytes(expect.HANG, 4), "moon")
  expect.equal(there:recv_bytes(expect.HANG, 0), "")
  expect.equal(there:recv_bytes(nil, nil), "mo")
  expect.raises("receive it with recv", there.recv_bytes, there, expect.HANG, 1)
  expect.equal(there:recv(expect.HANG), "a value")
  for _, wrong in ipairs({ { 10 }, { 9, 1 }, { 0, 10 } }) do
    expect.raises("Connection:send_bytes: %d+ bytes from offset %d+ on are not within its 9", here.send_bytes, here,
      text, wrong[1], wrong[2])
  end
  expect.raises("Connection:send_bytes: offset: a whole number, 0 or more, expected, got %-1", here.send_bytes, here,
    text, -1)
  expect.raises("Connection:send_bytes: size: a whole number, 0 or more, expected, got x", here.send_bytes, here,
    text, 0, "x")
  expect.raises("Connection:recv_bytes: limit: a whole number, 0 or more, expected, got 1.5", there.recv_bytes, there,
    0, 1.5)
  here:close()
  check_state(here, true, true, true)
  check_state(there, false, true, true)
  here:close()
  there:close()
end

check_parts(mm.Pipe())

local receiver, sender = mm.Pipe(false)
check_state(receiver, false, true, false)
check_state(sender, false, false, true)
sender:close()
check_state(sender, true, false, true)
expect.raises("close", sender.send, sender, 1)
receiver:close()
check_state(receiver, true, true, false)
expect.raises("close", receiver.recv, receiver)

-- An end that went to a worker is what it was here.
if mm.current_world() ~= "serial" then
  local answers, ours, theirs = mm.Queue(), mm.Pipe(false)
  local worker = mm.Process(function(c)
    answers:put({ c.closed, c.readable, c.writable })
    c:send_bytes("moonlight", 4, 3)
  end, theirs)
  worker:start()
  expect.equal(answers:get(expect.HANG), { false, false, true })
  expect.equal(ours:recv_bytes(expect.HANG, 3), "lig")
  expect.truthy(worker:join(expect.HANG))

  local listener = mm.Listener()
  worker = mm.Process(function(address)
    local client = mm.Client(address)
    while true do
      local bytes, why = client:recv_bytes()
      if why then break end
      client:send_bytes(bytes)
    end
  end, listener.address)
  worker:start()
  local connection = listener:accept(expect.HANG)
  check_state(connection, false, true, true)
  connection:send_bytes("moonlight", 4)
  expect.equal({ connection:recv_bytes(expect.HANG, 4) },
    { nil, "too large: the next message has 5 bytes, and the limit is 4" })
  expect.equal(connection:poll(), true)
  expect.equal(connection:recv_bytes(expect.HANG, 5), "light")
  expect.raises("send_bytes: 2 bytes from offset 8 on are not within its 9", connection.send_bytes, connection,
    "moonlight", 8, 2)
  expect.raises("limit: a whole number", connection.recv_bytes, connection, 0, -1)
  connection:close()
  check_state(connection, true, true, true)
  expect.truthy(worker:join(expect.HANG))
  listener:close()
end
