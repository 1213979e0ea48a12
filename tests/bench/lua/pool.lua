-- SPDX-License-Identifier: MIT
-- Tasks that do next to nothing, in a pool of two: all at once, or one after the other. Usage: pool.lua map|apply COUNT
local mm = require("manymoons")

local mode, count = arg[1], tonumber(arg[2])

local function increment(x) return x + 1 end

local pool = mm.Pool(2)
local items = {}
for i = 1, count do items[i] = i end
pool:map(increment, { 1, 2, 3, 4 }, { chunksize = 1 }) -- the workers are there

local start = mm.time()
if mode == "map" then
  pool:map(increment, items, { chunksize = 1 })
else
  for i = 1, count do pool:apply(increment, i) end
end
local seconds = mm.time() - start

pool:close()
pool:join()
print("rate", count / seconds / 1e3, "k/s")
print("time", seconds / count * 1e6, "us")
