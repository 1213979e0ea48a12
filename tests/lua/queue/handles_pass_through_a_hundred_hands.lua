-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- Workers of every start method, started before the handles were made, form a chain in which each passes on what it
-- gets. A connection and a queue still work after a hundred workers have passed them on.
local mm = require "manymoons"
local expect = require "expect"

local WORKERS, ROUNDS = 10, 10
local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { false }
local stations, workers = {}, {}
for i = 1, WORKERS + 1 do stations[i] = mm.Queue() end
for i = 1, WORKERS do
  workers[i] = mm.Process({
    method = methods[i % #methods + 1] or nil,
    args = { stations[i], stations[i + 1] },
    target = function(from, to)
      for thing in from:iter() do
        to:put(thing)
        if tostring(thing):find("^Connection") then thing:close() end
      end
      to:close()
    end,
  })
  workers[i]:start()
end
local first, last = stations[1], stations[WORKERS + 1]

local here, there = mm.Pipe()
local q = mm.Queue(5)
q:put("in it from the beginning")
for _ = 1, ROUNDS do
  first:put(there)
  there:close()
  there = last:get()
  first:put(q)
  q = last:get()
end
here:send(1)
expect.equal(there:recv(), 1)
there:send_bytes("two")
expect.equal(here:recv_bytes(), "two")
expect.equal(q:get(), "in it from the beginning")
for i = 1, 5 do q:put(i) end
expect.equal(q:full(), true)
-- No worker has kept a copy of an end: closing the last one is the end of file.
there:close()
expect.equal({ here:recv() }, { nil, "closed" })

-- A queue that is sent through itself is the same queue.
local self = mm.Queue()
self:put(self)
local same = self:get()
same:put("once")
expect.equal(self:get(), "once")
same:close()
expect.equal({ self:get() }, { nil, "closed" })

first:close()
for i = 1, WORKERS do
  expect.equal(workers[i]:join(expect.HANG), true)
  expect.truthy(workers[i].exitcode == nil or workers[i].exitcode == 0)
end
expect.equal({ last:get() }, { nil, "closed" })

-- An end in a message that is never read is closed with the message, and the peer gets the end of file.
local box = mm.Queue()
local near, far = mm.Pipe()
box:put({ "unread", far })
far:close()
expect.equal(near:send("not closed as long as the message is there"), true)
box = nil
collectgarbage()
collectgarbage()
expect.equal({ near:recv() }, { nil, "closed" })
expect.equal(box, nil)

-- Sending a closed handle, or a handle out of the program, raises an error with its name; the queue is unchanged.
local ends = mm.Pipe()
ends:close()
expect.raises(": Connection: used after close", first.put, q, { ends })
expect.raises(":%d+: dumps: cannot send a Queue as bytes %(at value%.deep%[1%]%)", mm.dumps, { deep = { q } })
expect.raises(":%d+: dumps: cannot send a Connection as bytes %(at value%)", mm.dumps, near)
expect.raises(":%d+: dumps: cannot send a Queue as bytes", mm.dumps, function() return q end)
expect.equal(q:qsize(), 5)
