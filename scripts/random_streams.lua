-- SPDX-License-Identifier: MIT
-- Random numbers in several workers: sequences that differ, and sequences that come again.
-- Usage: random_streams.lua [WORKERS [SEED]]
--
-- Each worker's math.random begins elsewhere, in every world, so a simulation that is spread over workers is not the
-- same one several times. But which worker computes an item is not known beforehand, so such a result never comes
-- again. A generator for each item, seeded by the item's number, gives the same result with any number of workers in
-- any world; in `threads` math.random would not, because the threads of a VM share it.
local mm = require "manymoons"

local workers, seed = tonumber(arg[1]) or 4, tonumber(arg[2]) or 2026

-- The minimal standard generator of Park and Miller (1988): numbers from 0 to 1.
local function generator(start)
  local state = start % 2147483646 + 1
  local function draw()
    state = state * 48271 % 2147483647
    return state / 2147483647
  end
  for _ = 1, 10 do draw() end -- the first numbers of near seeds are near
  return draw
end

local function count_inside(draw, points)
  local inside = 0
  for _ = 1, points do
    local x, y = draw(), draw()
    if x * x + y * y < 1 then inside = inside + 1 end
  end
  return inside
end

local items, points = 40, 2500
local numbers = {}
for i = 1, items do numbers[i] = i end
local pool = mm.Pool(workers)
local function total(f)
  local sum = 0
  for _, inside in ipairs(pool:map(f, numbers, { chunksize = 1 })) do sum = sum + inside end
  return sum
end

local function from_worker() return count_inside(math.random, points) end
local function from_item(i) return count_inside(generator(seed * 1000 + i), points) end

local different = total(from_worker) ~= total(from_worker)
io.stderr:write("math.random of the workers, twice: ", different and "two results" or "one result", "\n")
local first, second = total(from_item), total(from_item)
assert(first == second, "the streams of the items have changed")
print(("a generator for each item: pi is about %.4f, each time"):format(4 * first / items / points))
pool:close()
pool:join()
