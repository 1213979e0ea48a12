-- SPDX-License-Identifier: MIT
-- brokers: none
-- Fork and join: submit, map and the others from a task of the same pool. A wait in a task runs other tasks meanwhile,
-- so that a tree of tasks ends with any number of workers, however deep it is.
local mm = require "manymoons"
local expect = require "expect"

local pool

local function fib(n)
  if n < 2 then return n end
  local first = pool:submit(fib, n - 1)
  local second = pool:submit(fib, n - 2)
  return first:get() + second:get()
end

local function sorted(list)
  if #list <= 4 then
    table.sort(list)
    return list
  end
  local low, high, pivot = {}, {}, list[1]
  for i = 2, #list do
    if list[i] < pivot then low[#low + 1] = list[i] else high[#high + 1] = list[i] end
  end
  local halves = pool:map(sorted, { low, high })
  local all = halves[1]
  all[#all + 1] = pivot
  for _, item in ipairs(halves[2]) do all[#all + 1] = item end
  return all
end

-- How many ways there are to place queens in the rows from `row` on.
local function queens(size, row, columns)
  if row > size then return 1 end
  local futures, count = {}, 0
  for column = 1, size do
    local is_free = true
    for other = 1, row - 1 do
      local far = columns[other] - column
      if far == 0 or math.abs(far) == row - other then is_free = false end
    end
    if is_free then
      columns[row] = column
      futures[#futures + 1] = pool:submit(queens, size, row + 1, { (table.unpack or unpack)(columns, 1, row) })
    end
  end
  for _, future in ipairs(futures) do count = count + future:get() end
  return count
end

local function chain(n)
  if n == 0 then return 0 end
  return pool:submit(chain, n - 1):get() + 1
end

local numbers, seed = {}, 7
for i = 1, 200 do
  seed = seed * 16807 % 2147483647
  numbers[i] = seed
end
local wanted = {}
for i, number in ipairs(numbers) do wanted[i] = number end
table.sort(wanted)

for _, workers in ipairs({ 1, 2, 8 }) do
  pool = mm.Pool(workers)
  expect.equal(pool:apply(fib, 12), 144, "fib")
  expect.equal(pool:apply(sorted, numbers), wanted, "sorted")
  expect.equal(pool:apply(queens, 6, 1, {}), 4, "queens")
  if workers <= 2 then expect.equal(pool:apply(chain, 700), 700, "chain") end
  pool:close()
  pool:join()
end

-- All calls of a pool.
pool = mm.Pool(2)
local all = pool:apply(function()
  local seen = {}
  local function double(x) return 2 * x end
  seen.apply = pool:apply(double, 4)
  seen.async = pool:apply_async(double, { 5 }):get()
  seen.starmap = pool:starmap(math.max, { { 1, 2 }, { 4, 3 } })
  seen.map_async = pool:map_async(double, { 1, 2, 3 }):get()
  seen.imap = {}
  for value in pool:imap(double, { 7, 8, 9 }) do table.insert(seen.imap, value) end
  seen.unordered = 0
  for value in pool:imap_unordered(double, { 7, 8, 9 }) do seen.unordered = seen.unordered + value end
  seen.reduce = pool:reduce(double, { 1, 2, 3, 4 }, function(a, b) return a + b end)
  seen.filter = pool:filter(function(x) return x > 2 end, { 1, 2, 3, 4 })
  seen.find = pool:find(function(x) return x > 2 end, { 1, 2, 3, 4 })
  seen.sort = pool:sort({ 3, 1, 2 })
  seen.awaited = pool:submit(double, pool:submit(double, 1)):get()
  local done
  pool:submit(double, 21):on_done(function(future) done = future:get() end):get()
  seen.callback = done
  local futures = { pool:submit(double, 1), pool:submit(double, 2), pool:submit(double, 3) }
  mm.wait(futures, { when = "all" })
  seen.waited = futures[1]:ready() and futures[2]:ready() and futures[3]:ready()
  local sum = 0
  for future in mm.as_completed({ pool:submit(double, 1), pool:submit(double, 2) }) do sum = sum + future:get() end
  seen.completed = sum
  return seen
end)
expect.equal(all, { apply = 8, async = 10, starmap = { 2, 4 }, map_async = { 2, 4, 6 }, imap = { 14, 16, 18 },
  unordered = 48, reduce = 20, filter = { 3, 4 }, find = 3, sort = { 1, 2, 3 }, awaited = 4, callback = 42,
  waited = true, completed = 6 })

-- Errors come where the result is asked for, and name the call.
local err = expect.raises("so it is", pool.apply, pool, function()
  return pool:submit(function() error("so it is", 0) end):get()
end)
expect.equal(err.kind, "error")
expect.equal(pool:apply(function()
  local ok, why = pcall(pool.map, pool, function(x) if x == 2 then error("two", 0) end return x end, { 1, 2, 3 })
  return { ok, why.message, why.results[1], why.results[3] }
end), { false, "two", 1, 3 })
expect.equal(pool:apply(function()
  local future = pool:submit(function() return 1 end)
  local was_cancelled = future:cancel()
  return was_cancelled == future:cancelled()
end), true)

-- What nobody waits for runs all the same.
local left = mm.Queue()
pool:apply(function(q)
  for i = 1, 20 do pool:submit(function() q:put(i) end) end
end, left)
local sum = 0
for _ = 1, 20 do sum = sum + left:get(expect.HANG) end
expect.equal(sum, 210)

-- The pool as an argument.
expect.equal(pool:apply(function(p) return p:apply(math.abs, -3) end, pool), 3)

-- Functions and a pool that are globals, defined and changed after the pool was made.
_G.shared_pool, _G.offset = pool, 0
function _G.fib_by_name(n)
  if n < 2 then return n + _G.offset end
  local first = _G.shared_pool:submit(_G.fib_by_name, n - 1)
  return _G.fib_by_name(n - 2) + first:get()
end
expect.equal(pool:apply(_G.fib_by_name, 8), 21)
_G.offset = 1
expect.equal(pool:apply(_G.fib_by_name, 8), 55)

-- With a seed the numbers of a tree are the same ones, whichever workers run it.
local function drawn_by(seeded)
  local function draw(depth)
    local own = math.floor(math.random() * 1e6)
    if depth == 0 then return { own } end
    local drawn = { own }
    for _, future in ipairs({ seeded:submit(draw, depth - 1), seeded:submit(draw, depth - 1) }) do
      for _, number in ipairs(future:get()) do drawn[#drawn + 1] = number end
    end
    return drawn
  end
  local numbers_of_two = { seeded:apply(draw, 4), seeded:apply(draw, 4) }
  seeded:terminate()
  return numbers_of_two
end
expect.equal(drawn_by(mm.Pool({ workers = 3, seed = 5 })), drawn_by(mm.serial.Pool({ seed = 5 })))

-- What a task cannot do with its own pool.
if mm.current_world() ~= "serial" then
  for _, name in ipairs({ "broadcast", "warm", "resize" }) do
    local ok, why = pcall(pool.apply, pool, function() return pool[name](pool, print) end)
    expect.equal({ ok, tostring(why):find("not for a task of the pool", 1, true) ~= nil }, { false, true }, name)
  end
  expect.raises("timeout: not for what a task gives to its own pool", pool.apply, pool, function()
    return pool:apply_async(print, {}, { timeout = 1 }):get()
  end)
end
pool:close()
pool:join()
