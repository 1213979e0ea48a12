-- SPDX-License-Identifier: MIT
-- `maxsize` of every queue, and handles of one queue are equal, also after they travelled.
local mm = require "manymoons"
local expect = require "expect"
local can_wait = mm.current_world() ~= "serial"

local queues = { mm.Queue(), mm.Queue(3), mm.Queue({ maxsize = 2147483647 }), mm.Queue(0), mm.SimpleQueue(),
  mm.JoinableQueue(5), mm.PriorityQueue(3), mm.PriorityQueue() }
local bounds = { 0, 3, 2147483647, 0, 0, 5, 3, 0 }

local function bounds_of(list)
  local found = {}
  for i, queue in ipairs(list) do found[i] = queue.maxsize end
  return found
end

expect.equal(bounds_of(queues), bounds)
local carrier = mm.Queue(20)
for _, queue in ipairs(queues) do carrier:put(queue) end
for i, queue in ipairs(queues) do
  local again = carrier:get()
  expect.equal({ again == queue, again ~= queue, again == carrier, again.maxsize }, { true, false, false, bounds[i] })
  expect.equal(again:put(1, 0), true)
  expect.equal(queue:get(0), 1)
  expect.equal({ again.no_such_field, tostring(again) ~= nil }, { nil, true })
end
if can_wait then
  local worker = mm.Process(function(list, out)
    local found = {}
    for i, queue in ipairs(list) do found[i] = queue.maxsize end
    out:put(found)
    out:put(list[2])
  end, queues, carrier)
  worker:start()
  expect.equal(carrier:get(expect.HANG), bounds)
  expect.equal(carrier:get(expect.HANG) == queues[2], true)
  worker:join()
end

-- The bound of one queue is no other's, whatever was made between.
collectgarbage()
local many = {}
for i = 1, 50 do many[i] = mm.Queue(i % 7) end
for i = 1, 50 do expect.equal(many[i].maxsize, i % 7) end
expect.equal(bounds_of(queues), bounds)
expect.raises("Queue:get", queues[2].get, {})
