-- SPDX-License-Identifier: MIT
-- How many items go to a worker at once: too few, and the way there costs more than the work; too many, and one worker
-- computes while the others have nothing left.
-- Usage: chunks.lua [ITEMS]
--
-- The items are unequal: the later ones take longer. The curve, items per second, is shown on stderr. `auto` is what
-- map does by itself: it measures the items and makes chunks of some milliseconds.
local mm = require "manymoons"

local items = tonumber(arg[1]) or 20000

local function work(i)
  local sum = 0
  for k = 1, math.floor(i / 40) do sum = sum + k % 7 end
  return sum
end

local list = {}
for i = 1, items do list[i] = i end
local pool = mm.Pool()
pool:map(work, { 1, 2 })

local function run(size)
  local begun, sum = mm.time(), 0
  for _, result in ipairs(pool:map(work, list, { chunksize = size })) do sum = sum + result end
  return items / (mm.time() - begun), sum
end

local rates, best, wanted = {}, 0, nil
local sizes = { 1, 8, 64, 512, math.max(1, math.floor(items / 2)), "auto" }
for i, size in ipairs(sizes) do
  local rate, sum = run(size ~= "auto" and size or nil)
  rates[i], best, wanted = rate, math.max(best, rate), wanted or sum
  assert(sum == wanted, "chunks of " .. size .. " give another result")
end
for i, size in ipairs(sizes) do
  io.stderr:write(("%6s %9.0f items/s %s\n"):format(size, rates[i], ("#"):rep(math.floor(rates[i] / best * 40 + 0.5))))
end
print(("%d items in chunks of six sizes, with one result: %.0f"):format(items, wanted))
pool:close()
pool:join()
