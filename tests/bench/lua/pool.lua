-- SPDX-License-Identifier: MIT
-- Work for a pool of two workers. Usage: pool.lua MODE COUNT
--
--   map, squares   COUNT trivial calls: one by one, and in slices that the pool chooses
--   loop           the same without a pool
--   apply          COUNT of them, one after the other
--   cpu            COUNT equal calls that compute, beside the same without a pool: times as fast
--   stragglers     COUNT / 8 calls of 100 ms in front of calls of 1 ms: seconds
--   strings        COUNT strings of 1 MiB, there and back
--   open           a pool of four, opened and closed COUNT times
local mm = require("manymoons")

local mode, count = arg[1], tonumber(arg[2])

local function increment(x) return x + 1 end
local function square(x) return x * x end
local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end

local function seconds_of(f, ...)
  local start = mm.time()
  f(...)
  return mm.time() - start
end

local function numbers(n)
  local items = {}
  for i = 1, n do items[i] = i end
  return items
end

local function say(seconds)
  print("rate", count / seconds / 1e3, "k/s")
  print("time", seconds / count * 1e6, "us")
  print("total", seconds, "s")
end

local runs = {}

function runs.map(pool) say(seconds_of(pool.map, pool, increment, numbers(count), { chunksize = 1 })) end
function runs.squares(pool) say(seconds_of(pool.map, pool, square, numbers(count))) end

function runs.loop()
  local items = numbers(count)
  say(seconds_of(function()
    local results = {}
    for i = 1, count do results[i] = square(items[i]) end
    return results
  end))
end

function runs.apply(pool)
  say(seconds_of(function()
    for i = 1, count do pool:apply(increment, i) end
  end))
end

function runs.cpu(pool)
  local items = {}
  for i = 1, count do items[i] = 27 end
  local alone = seconds_of(function()
    for i = 1, count do fib(items[i]) end
  end)
  print("speedup", alone / seconds_of(pool.map, pool, fib, items), "times")
end

function runs.stragglers(pool)
  local items = {}
  for i = 1, count do items[i] = i <= count / 8 and 0.1 or 0.001 end
  say(seconds_of(pool.map, pool, mm.sleep, items))
end

function runs.strings(pool)
  local items, text = {}, ("x"):rep(1 << 20)
  for i = 1, count do items[i] = text end
  local seconds = seconds_of(pool.map, pool, function(s) return s end, items)
  print("rate", 2 * count / 1024 / seconds, "GB/s")
end

function runs.open()
  say(seconds_of(function()
    for _ = 1, count do mm.Pool(4):terminate() end
  end))
end

local pool = mm.Pool(2)
pool:map(increment, { 1, 2, 3, 4 }, { chunksize = 1 }) -- waits until the workers have started
runs[mode](pool)
pool:close()
pool:join()
