-- SPDX-License-Identifier: MIT
-- put_many, get_many and select: what goes in comes out, in order, by whichever queue has it.
local mm = require "manymoons"
local expect = require "expect"
local world = mm.current_world()
local can_wait = world ~= "serial"

for _, class in ipairs({ "Queue", "SimpleQueue", "JoinableQueue" }) do
  local queue = mm[class]()
  expect.equal(queue:put_many({ 1, "two", { 3 } }), true)
  expect.equal(queue:put_many({}), true)
  local list = queue:get_many(2)
  expect.equal(list, { n = 2, 1, "two" })
  list = queue:get_many(10)
  expect.equal({ list.n, list[1][1] }, { 1, 3 })
  expect.equal({ queue:get_many(5, 0) }, { nil, "empty" })
  if can_wait then expect.equal({ queue:get_many(5, 0.01) }, { nil, "timeout" }) end
  queue:put_many({ nil, 2, nil, n = 3 })
  expect.equal(queue:get_many(3), { n = 3, nil, 2, nil })
  queue:put(1)
  queue:close()
  expect.equal(queue:get_many(3), { n = 1, 1 })
  if class == "JoinableQueue" then for _ = 1, 7 do pcall(queue.task_done, queue) end end
end

-- Items of all kinds come as they went, in runs of numbers and one by one.
local makers = {
  function(i) return i end,
  function(i) return -i * 2 ^ 33 end,
  function(i) return i + 0.5 end,
  function(i) return i % 2 == 0 end,
  function(i) return "text " .. i end,
  function(i) return ("x"):rep(4500) .. i end,
  function(i) return { i } end,
}
local items = {}
for i = 1, 3000 do items[i] = makers[i % 100 < 60 and i % 4 + 1 or i % #makers + 1](i) end
for _, class in ipairs({ "Queue", "JoinableQueue" }) do
  local queue, back = mm[class](), { n = 0 }
  expect.equal(queue:put_many(items), true)
  while back.n < #items do
    local list = queue:get_many(back.n % 700 + 1)
    for i = 1, list.n do back[back.n + i] = list[i] end
    back.n = back.n + list.n
    if class == "JoinableQueue" then for _ = 1, list.n do queue:task_done() end end
  end
  expect.equal({ queue:get_many(1, 0) }, { nil, "empty" })
  back.n = nil
  expect.equal(back, items)
end

-- A bound: what has room is in the queue, and the caller learns how much that was.
local bounded = mm.Queue(2)
expect.equal({ bounded:put_many({ 1, 2, 3, 4 }, 0) }, { nil, "full", 2 })
if can_wait then
  expect.equal({ bounded:put_many({ 3 }, 0.01) }, { nil, "timeout", 0 })
  expect.equal(bounded:get_many(5), { n = 2, 1, 2 })
  local taker = mm.Process(function(queue, back)
    for _ = 1, 100 do back:put(queue:get()) end
  end, bounded, mm.Queue())
  taker:start()
  local numbers = {}
  for i = 1, 100 do numbers[i] = i end
  expect.equal(bounded:put_many(numbers, expect.HANG), true)
  taker:join()
  expect.equal(bounded:qsize(), 0)
end

-- select: the queue that has something; closed ones are passed over.
local first, second = mm.Queue(), mm.Queue()
second:put("b")
local queue, item = mm.select({ first, second })
expect.equal({ queue == second, item }, { true, "b" })
first:put(nil)
queue, item = mm.select({ first, second })
expect.equal({ queue == first, item }, { true, nil })
local empty, why = mm.select({ first, second }, 0)
expect.equal({ empty, why }, { nil, "timeout" })
for _ = 1, 3 do
  first:put(1)
  second:put(2)
end
local seen = { 0, 0 }
for _ = 1, 6 do
  queue, item = mm.select({ first, second })
  expect.equal(queue == first and 1 or 2, item)
  seen[item] = seen[item] + 1
end
expect.equal(seen, { 3, 3 })
first:close()
second:put("last")
queue, item = mm.select({ first, second })
expect.equal({ queue == second, item }, { true, "last" })
second:close()
expect.equal({ mm.select({ first, second }) }, { nil, "closed" })

-- Several callers, each item once.
if can_wait and world ~= "async" then
  local queues, sums = { mm.Queue(), mm.Queue(), mm.Queue() }, mm.Queue()
  local takers = {}
  for i = 1, 3 do
    takers[i] = mm.Process(function(list, out)
      local sum = 0
      while true do
        local from, got = require("manymoons").select(list)
        if not from then break end
        sum = sum + got
      end
      out:put(sum)
    end, queues, sums)
    takers[i]:start()
  end
  local total = 0
  for i = 1, 300 do
    queues[i % 3 + 1]:put(i)
    total = total + i
  end
  for _, each in ipairs(queues) do each:close() end
  for _, taker in ipairs(takers) do taker:join() end
  for _ = 1, 3 do total = total - sums:get() end
  expect.equal(total, 0)
end

expect.raises("Queue:put_many: argument 1: a list expected, got nil", bounded.put_many, bounded)
expect.raises("Queue:get_many: argument 1: a whole number, 1 or more, expected, got 0", bounded.get_many, bounded, 0)
expect.raises("select: queue 2: a queue expected, got 5", mm.select, { mm.Queue(), 5 })
expect.raises("select: argument 1: a list of queues expected, got an empty one", mm.select, {})
