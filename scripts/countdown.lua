-- SPDX-License-Identifier: MIT
-- Counting down, in one part for each worker: pure computation. This is David Beazley's demonstration of the effect of
-- a global lock on threads.
--
--   manymoons compare scripts/countdown.lua [from]
local mm = require "manymoons"

local from = tonumber(arg and arg[1]) or 2e7

local function count_down(n)
  local steps = 0
  while n > 0 do
    n = n - 1
    steps = steps + 1
  end
  return steps
end

local parts = mm.cpu_count()
local shares = {}
for i = 1, parts do shares[i] = math.floor(from * i / parts) - math.floor(from * (i - 1) / parts) end

local pool = mm.Pool(parts)
local total = 0
for _, steps in ipairs(pool:map(count_down, shares, { chunksize = 1 })) do total = total + steps end
pool:close()
pool:join()
assert(total == from, "a step is missing")
print(string.format("counted down from %.0f", from))
