-- SPDX-License-Identifier: MIT
-- Pi by throwing darts: the share of random points of a square that fall into its inscribed circle is pi / 4.
--
--   manymoons scripts/pi.lua [points]
--
-- Tasks of equal size go to the workers of a pool. Each draws its own random numbers, from a seed that depends only on
-- the task's number: so the answer is the same in every world, and does not depend on which worker runs which task.
-- The script checks itself: an estimate more than five standard errors from pi would be a bug.
local mm = require("manymoons")

local TASKS = 100
local points = math.max(1, math.ceil((tonumber(arg[1]) or 4e7) / TASKS)) -- in one task

-- Lehmer's generator, in its "minimal standard" form: its products stay below 2^53, so that integers and doubles
-- give the same numbers.
local MODULUS = 2147483647
local MULTIPLIER = 48271

-- How many of `count` random points lie in the circle.
local function count_hits(task, count)
  local state = task * 20160319 % MODULUS + 1
  local radius_squared = MODULUS * 0.25 * MODULUS
  local centre = MODULUS * 0.5
  local hits = 0
  for _ = 1, count do
    state = state * MULTIPLIER % MODULUS
    local x = state - centre
    state = state * MULTIPLIER % MODULUS
    local y = state - centre
    if x * x + y * y <= radius_squared then hits = hits + 1 end
  end
  return hits
end

local tasks = {}
for task = 1, TASKS do tasks[task] = { task, points } end

local pool = mm.Pool()
local hits = 0
for _, of_task in ipairs(pool:starmap(count_hits, tasks)) do hits = hits + of_task end
pool:close()
pool:join()

local total = TASKS * points
local estimate = 4 * hits / total
local share = math.pi / 4
local standard_error = 4 * math.sqrt(share * (1 - share) / total)
local miss = math.abs(estimate - math.pi)
print(string.format("pi is about %.6f", estimate))
print(string.format("%d of %d points in the circle", hits, total))
print(string.format("error %.6f; the standard error for this many points is %.6f", miss, standard_error))
if miss > 5 * standard_error then
  io.stderr:write("pi.lua: the estimate is wrong\n")
  os.exit(1)
end
