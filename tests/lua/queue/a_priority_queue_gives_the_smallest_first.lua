-- SPDX-License-Identifier: MIT
-- PriorityQueue: the smallest item first, the one that was put first among equals, in every world.
local mm = require "manymoons"
local expect = require "expect"
local world = mm.current_world()
local can_wait = world ~= "serial"

local function drain(q)
  local list = {}
  while true do
    local item, why = q:get_nowait()
    if why then return list, why end
    list[#list + 1] = item
  end
end

-- Numbers and strings are their own priority; numbers come first, and strings compare by bytes.
local q = mm.PriorityQueue()
for _, item in ipairs({ 5, 1.5, "b", -3, "abc", 1e300, "", 0, -1 / 0, "abcdefghijklmnopq", "ab",
  "abcdefghijklmnopp" }) do
  expect.equal(q:put(item), true)
end
expect.equal(q:qsize(), 12)
expect.equal({ drain(q) }, { { -1 / 0, -3, 0, 1.5, 5, 1e300, "", "ab", "abc", "abcdefghijklmnopp", "abcdefghijklmnopq",
  "b" }, "empty" })

-- A list's first item is its priority; equal ones keep their order.
for _, item in ipairs({ { 2, "code" }, { 1, "eat" }, { 3, "sleep" }, { 1, "drink" }, { 1, "chat" }, { 0.5 } }) do
  q:put(item)
end
local names = {}
for i, item in ipairs((drain(q))) do names[i] = item[2] or "first" end
expect.equal(names, { "first", "eat", "drink", "chat", "code", "sleep" })

-- Any item with a priority of its own; nil, too.
q:put("last", { priority = 9 })
q:put({ name = "Ada" }, { priority = 1, timeout = 1 })
q:put(nil, { priority = 5 })
q:put_nowait(false, { priority = 2 })
expect.equal(q:get().name, "Ada")
expect.equal(q:get(), false)
expect.equal({ q:get() }, { nil })
expect.equal(q:get(), "last")

-- The last one first.
for i = 1, 3 do q:put("item " .. i, { priority = -i }) end
expect.equal({ q:get(), q:get(), q:get() }, { "item 3", "item 2", "item 1" })

-- Integers that no double tells apart, and values whose order must not depend on how they are stored.
if math.type then
  local wide = { math.maxinteger, math.maxinteger - 1, math.mininteger, math.mininteger + 1, 2.0 ^ 53,
    math.tointeger(2 ^ 53) + 1, -0.0 }
  for _, item in ipairs(wide) do q:put(item) end
  table.sort(wide)
  expect.equal((drain(q)), wide)
end

-- Many: sorted, and stable; through growth of the heap, and again after it was empty.
for _ = 1, 2 do
  local seed, count = 7, 3000
  for i = 1, count do
    seed = (seed * 1103 + 12345) % 65536
    q:put({ seed % 50, i, ("x"):rep(seed % 90) })
    if i % 3 == 0 then
      local item = q:get()
      q:put({ item[1], item[2], item[3] })
    end
  end
  expect.equal(q:qsize(), count)
  local seen, before = {}, -1
  for _, item in ipairs((drain(q))) do
    expect.truthy(item[1] >= before, "sorted")
    before = item[1]
    seen[item[2]] = true
  end
  for i = 1, count do expect.equal(seen[i], true) end
end
for i = 1, 3000 do q:put({ i % 7, i }) end
local last = { -1, 0 }
for _, item in ipairs((drain(q))) do
  expect.truthy(item[1] > last[1] or (item[1] == last[1] and item[2] > last[2]), "stable")
  last = item
end

-- Bounds, timeouts, closing and draining.
local small = mm.PriorityQueue(2)
expect.equal({ small:full(), small:empty() }, { false, true })
expect.equal({ small:put(2), small:put(1, 0), small:full() }, { true, true, true })
expect.equal({ small:put(3, 0) }, { nil, "full" })
expect.equal({ small:put_nowait(3) }, { nil, "full" })
expect.equal({ small:put("x", { priority = 0, timeout = 0 }) }, { nil, "full" })
if can_wait then expect.equal({ small:put(3, 0.01) }, { nil, "timeout" }) end
expect.equal({ small:put_many({ 9 }, 0) }, { nil, "full", 0 })
small:close()
expect.equal({ small:put(0) }, { nil, "closed" })
local rest = {}
for item in small:iter() do rest[#rest + 1] = item end
expect.equal(rest, { 1, 2 })
expect.equal({ small:get() }, { nil, "closed" })
expect.equal({ small:get_many(2) }, { nil, "closed" })
if can_wait then expect.equal({ q:get(0.01) }, { nil, "timeout" }) end
expect.equal({ q:get(0) }, { nil, "empty" })

-- It is waited for with others.
local plain = mm.Queue()
q:put_many({ 3, 1, 2 })
expect.equal({ mm.wait({ q, plain }, 0)[1] == q, q:get_many(2) }, { true, { n = 2, 1, 2 } })
local from, item = mm.select({ plain, q })
expect.equal({ from == q, item }, { true, 3 })

-- Producers and consumers: each item once; what one producer put with one priority comes in its order.
if can_wait then
  local jobs, results = mm.PriorityQueue(20), mm.Queue()
  local workers = {}
  for name = 1, 3 do
    workers[name] = mm.Process(function(queue)
      for i = 1, 200 do queue:put({ i % 4, name, i }) end
    end, jobs)
    workers[3 + name] = mm.Process(function(queue, out)
      local sum = 0
      for job in queue:iter() do sum = sum + job[3] end
      out:put(sum)
    end, jobs, results)
  end
  for _, worker in ipairs(workers) do worker:start() end
  for i = 1, 3 do workers[i]:join() end
  jobs:close()
  local sum = 0
  for _ = 1, 3 do sum = sum + results:get(expect.HANG) end
  for i = 4, 6 do workers[i]:join() end
  expect.equal(sum, 3 * 200 * 201 / 2)

  -- A get that waits ends with the item that comes, and a put that waits with room.
  local one = mm.PriorityQueue(1)
  local partner = mm.Process(function(queue, out)
    out:put(queue:get())
    queue:put(5)
    queue:put(4)
  end, one, results)
  partner:start()
  one:put(7)
  expect.equal(results:get(expect.HANG), 7)
  expect.equal({ one:get(expect.HANG), one:get(expect.HANG) }, { 5, 4 })
  partner:join()
end

-- Handles travel, are equal, and carry handles.
local carrier = mm.Queue()
carrier:put(q)
local again = carrier:get()
expect.equal(again == q, true)
again:put(mm.Queue(), { priority = 1 })
local inner = q:get()
inner:put("through")
expect.equal(inner:get(), "through")

expect.raises("PriorityQueue:put: argument 1: a number, a string, or a list that begins with one expected, got table",
  q.put, q, { name = "Ada" })
expect.raises("PriorityQueue:put: argument 1: a number, a string, or a list that begins with one expected, got nan",
  q.put, q, 0 / 0)
expect.raises("PriorityQueue:put: argument 2: priority: a number or a string expected, got table", q.put, q, 1,
  { priority = {} })
expect.raises("PriorityQueue:put: argument 2: unknown option 'prio'; there are priority and timeout", q.put, q, 1,
  { prio = 1 })
expect.raises("PriorityQueue:put_nowait: argument 1", q.put_nowait, q, print)
expect.raises("PriorityQueue: maxsize: a whole number from 0", mm.PriorityQueue, -1)
expect.raises("PriorityQueue: broker: a Queue or a JoinableQueue", mm.PriorityQueue, { broker = "redis://127.0.0.1" })
expect.equal(q:qsize(), 0)
