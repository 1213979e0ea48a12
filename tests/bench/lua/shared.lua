-- SPDX-License-Identifier: MIT
-- Locks and shared memory, the time of one step. Usage: shared.lua MODE STEPS
--
--   lock           acquire and release, without waiters
--   contended      the same by two workers at once, around a step of a shared counter
--   counter        the counter alone, each step atomic, by two workers
--   element        one element of an array of doubles is read and written
--   table          one key of a shared table is read and written
--   manager        one key of a manager's dict is read and written
--   plain          a field of a record in a table is read
--   frozen         the same in a frozen table
--   frozen-send    a frozen table of 100,000 records is sent and received
--   plain-send     the same of a table
local mm = require "manymoons"
local mode, steps = arg[1], tonumber(arg[2])

local function report(start, count) print("time", (mm.time() - start) / count * 1e9, "ns") end

local function by_two(f, ...)
  local workers, start = {}, mm.time()
  for i = 1, 2 do
    workers[i] = mm.Process(f, ...)
    workers[i]:start()
  end
  for i = 1, 2 do workers[i]:join() end
  report(start, 2 * steps)
end

if mode == "lock" then
  local lock, start = mm.Lock(), mm.time()
  for _ = 1, steps do
    lock:acquire()
    lock:release()
  end
  report(start, steps)
elseif mode == "contended" then
  by_two(function(lock, value, count)
    for _ = 1, count do
      lock:acquire()
      value.value = value.value + 1
      lock:release()
    end
  end, mm.Lock(), mm.Value("i64"), steps)
elseif mode == "counter" then
  by_two(function(value, count)
    for _ = 1, count do value:add(1) end
  end, mm.Value("i64"), steps)
elseif mode == "element" then
  local array, start = mm.Array("f64", 1000), mm.time()
  for i = 1, steps do
    local at = i % 1000 + 1
    array[at] = array[at] + 1
  end
  report(start, steps)
elseif mode == "table" or mode == "manager" then
  local manager = mode == "manager" and mm.Manager()
  local shared = manager and manager:dict({ n = 0 }) or mm.Table({ n = 0 })
  local start = mm.time()
  for _ = 1, steps do shared.n = shared.n + 1 end
  report(start, steps)
  if manager then manager:close() end
elseif mode == "plain" or mode == "frozen" then
  local source = { name = "tea", price = 1.5, tags = { "green", "hot" } }
  local record = mode == "frozen" and mm.freeze(source) or source
  local start, sum = mm.time(), 0
  for _ = 1, steps do sum = sum + record.price end
  report(start, steps)
elseif mode == "plain-send" or mode == "frozen-send" then
  local records, q = {}, mm.Queue()
  for i = 1, 100000 do records[i] = { id = i, name = "name " .. i, price = i * 1.5 } end
  if mode == "frozen-send" then records = mm.freeze(records) end
  local start = mm.time()
  for _ = 1, steps do
    q:put(records)
    q:get()
  end
  report(start, steps)
end
