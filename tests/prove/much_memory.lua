-- SPDX-License-Identifier: MIT
-- What a small machine cannot show: the cost and the memory of much data. Prints a line for each; takes some minutes
-- and 10 GB, the last arrays 20. The same laws in small are tests/unit/shared/test_arena.c and tests/lua/memory.
--
--     manymoons tests/prove/much_memory.lua
local mm = require "manymoons"

local function shared_gb()
  local file = assert(io.open("/proc/self/smaps_rollup"))
  local text = file:read("*a")
  file:close()
  return tonumber(text:match("Pss_Shmem:%s*(%d+)")) * 1024 / 1e9
end

local function say(...) print(string.format(...)) end

-- The processor's time of one of `count` calls, in microseconds.
local function cost(count, f)
  local random, start = math.random, os.clock()
  for _ = 1, count do random(1000) end
  local empty = os.clock() - start
  start = os.clock()
  for _ = 1, count do f() end
  return (os.clock() - start - empty) / count * 1e6
end

local function keys()
  local t, value = mm.Table(), ("x"):rep(100)
  local shown = { [1000] = true, [100000] = true, [1000000] = true, [10000000] = true }
  for i = 1, 10000000 do
    t[i] = value
    if shown[i] then
      local update = cost(200000, function() t[math.random(i)] = value end)
      local get = cost(200000, function() return t[math.random(i)] end)
      say("%8d keys: update %.2f us, get %.2f us, %.2f GB", i, update, get, shared_gb())
    end
  end
  assert(shared_gb() <= 2)
  t:close()
end

local function long_queue()
  local q, value, count = mm.Queue(), ("x"):rep(1000), 8000000
  local put = cost(count, function() assert(q:put(value)) end)
  local full = shared_gb()
  local get = cost(count, function() assert(q:get() == value) end)
  say("a queue of %.1f GB: put %.2f us, get %.2f us; %.2f GB, and %.2f when it is drained", count * #value / 1e9, put,
    get, full, shared_gb())
end

local function available_gb()
  local file = assert(io.open("/proc/meminfo"))
  local text = file:read("*a")
  file:close()
  return tonumber(text:match("MemAvailable:%s*(%d+)")) * 1024 / 1e9
end

local function arrays()
  local list = {}
  for _, case in ipairs({ { 2, 1126 }, { 42, 65 }, { 12, 512 }, { 40, 512 } }) do
    local count, size = case[1], case[2] * 2 ^ 20
    if count * size / 1e9 + 1 > available_gb() then
      say("%d arrays of %d MiB: other programs need the memory", count, case[2])
    else
      for i = 1, count do list[i] = mm.Array("u8", size) end
      for i = 1, count do list[i]:close() end
      say("%d arrays of %d MiB", count, case[2])
    end
  end
end

local function queues()
  local list = {}
  for i = 1, 100000 do
    list[i] = mm.Queue()
    list[i]:put(i)
  end
  for i = 1, 100000 do assert(list[i]:get() == i) end
  say("100000 queues: %.2f GB", shared_gb())
end

keys()
long_queue()
arrays()
queues()
