-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- A connection and a listener go to a worker at its start, through a queue and to a pool, with what was received and
-- not read yet, also after the sender's end; and the other side sees the end when the last one closes.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local HANG = expect.HANG
local listener = assert(mm.Listener("127.0.0.1:0", { authkey = "secret" }))
local address = listener.address

local function new_pair()
  local q = mm.Queue()
  local client = mm.Process(function(a, to)
    local moons = require("manymoons")
    local c = assert(moons.Client(a, { authkey = "secret" }))
    to:put(c) -- and this worker ends
  end, address, q)
  client:start()
  local here = assert(listener:accept(HANG))
  local there = assert(q:get(HANG))
  client:join()
  return here, there
end

local function echo(c)
  local value = c:recv(HANG)
  while value ~= "end" do -- a forked worker has a copy of the other side as well, so it sees no end of file
    c:send({ "echo", value })
    value = c:recv(HANG)
  end
  c:close()
end

-- Through a queue, by a worker that has ended; then as an argument of a worker.
local here, there = new_pair()
there:send(1)
expect.equal(here:recv(HANG), 1)
local worker = mm.Process(echo, here)
worker:start()
if world ~= "threads" and world ~= "async" then here:close() end -- there the worker has this very one
there:send({ "a table" })
expect.equal(there:recv(HANG), { "echo", { "a table" } })
there:send("end")
worker:join()
there:close()
expect.equal(worker.exitcode, 0)

-- With what has come and was not read, whole messages and a part of one.
here, there = new_pair()
for i = 1, 3 do there:send(i) end
there:send_bytes("bytes")
expect.equal(here:recv(HANG), 1)
local results = mm.Queue()
worker = mm.Process({ method = world == "processes" and "forkserver" or nil, args = { here, results },
  target = function(c, q)
    q:put({ c:recv(60), c:recv(60), c:recv_bytes(60) })
    c:send("got them")
    c:close()
  end })
worker:start()
expect.equal(results:get(HANG), { 2, 3, "bytes" })
expect.equal(there:recv(HANG), "got them")
here:close()
if world == "interpreters" or world == "processes" then
  expect.equal({ there:recv(HANG) }, { nil, "closed" }, "a message that was received holds nothing")
end
there:close()
worker:join()

-- Listeners: several workers accept at one.
local function accept_one(l)
  local c = assert(l:accept(60))
  c:send("accepted")
  return c:recv(60)
end
local pool = mm.Pool(1)
local done = pool:submit(accept_one, listener)
local c = assert(mm.Client(address, { authkey = "secret", timeout = HANG }))
expect.equal(c:recv(HANG), "accepted")
c:send("thanks")
expect.equal(done:get(HANG), "thanks")
c:close()
pool:close()
pool:join()

-- Not where there is no program to travel in; and not after close.
here, there = new_pair()
expect.raises("cannot send a Connection as bytes", mm.dumps, here)
expect.raises("cannot send a Connection as bytes", here.send, here, there)
here:close()
there:close()
if world == "interpreters" or world == "processes" then
  local q = mm.Queue()
  -- Hundreds are under way at once.
  local a, b = new_pair()
  for _ = 1, 200 do q:put(a) end
  a:close()
  local copy = q:get()
  copy:send("still there")
  expect.equal(b:recv(HANG), "still there")
  while copy do
    copy:close()
    copy = q:get(0)
  end
  expect.equal({ b:recv(HANG) }, { nil, "closed" })
  b:close()
end
listener:close()
