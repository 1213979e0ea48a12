-- SPDX-License-Identifier: MIT
-- A wait without a timeout in what nobody else has can never end: it raises an mm.Error of kind "deadlock".
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()

local function refused(text, f, ...)
  local err = expect.raises(world == "serial" and "would wait for ever" or text, f, ...)
  expect.equal(err.kind, "deadlock", tostring(err))
end

local q = mm.Queue(1)
refused("Queue:get would wait for ever: nobody else has the Queue", q.get, q)
refused("Queue:get would wait for ever", function()
  for _ in q:iter() do end
end)
expect.equal({ q:get(0.01) }, { nil, "timeout" }, "with a timeout there is an end")
expect.equal(q:put("last"), true)
refused("Queue:put would wait for ever: nobody else has the Queue", q.put, q, "too many")
expect.equal(q:get(), "last", "and nothing has changed")
q:close()
expect.equal({ q:get() }, { nil, "closed" })

local j = mm.JoinableQueue()
refused("JoinableQueue:get would wait for ever: nobody else has the JoinableQueue", j.get, j)
j:put(1)
refused("JoinableQueue:join would wait for ever: nobody else has the JoinableQueue", j.join, j)
expect.equal(j:get(), 1)
j:task_done()
expect.equal(j:join(), true)

if world ~= "serial" then
  local here, there = mm.Pipe() -- an end that the collector has taken is closed
  for _, method in ipairs({ "recv", "recv_bytes" }) do
    refused("Connection:" .. method .. " would wait for ever: nobody else has the other end", here[method], here)
  end
  expect.equal({ here:recv(0.01) }, { nil, "timeout" })
  there:send("last")
  expect.equal(here:recv(), "last")
  there:close()
  expect.equal({ here:recv() }, { nil, "closed" })
end

if world == "interpreters" or world == "processes" then -- whose pipes have an end
  local here, there = mm.Pipe()
  local function fill()
    while true do here:send(("x"):rep(1000)) end
  end
  refused("Connection:send would wait for ever: nobody else has the other end", fill)
  expect.equal(#there:recv(), 1000)
end

if world ~= "async" then -- whose conditions and barriers are those of tasks
  local condition = mm.Condition()
  condition:acquire()
  refused("Condition:wait would wait for ever: nobody else has the Condition", condition.wait, condition)
  condition:release()
  local barrier = mm.Barrier(2)
  refused("Barrier:wait would wait for ever: nobody else has the Barrier", barrier.wait, barrier)
end
refused("Event:wait would wait for ever: nobody else has the Event", mm.Event().wait, mm.Event())
local semaphore = mm.Semaphore(0)
refused("Semaphore:acquire would wait for ever: nobody else has the Semaphore", semaphore.acquire, semaphore)
