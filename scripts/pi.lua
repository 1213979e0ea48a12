-- SPDX-License-Identifier: MIT
-- Pi by throwing darts: the share of random points of a square that fall into its inscribed circle is pi / 4.
--
--   manymoons scripts/pi.lua [points]
--
-- Tasks of equal size go to the workers of a pool, each of which draws random numbers of its own. So each run has
-- another estimate; the script prints the digits that five standard errors leave no doubt about, which are the same
-- each time and in every world. It checks itself: an estimate more than five standard errors from pi would be a bug.
local mm = require("manymoons")

local TASKS = 100
local points = math.max(1, math.ceil((tonumber(arg[1]) or 4e7) / TASKS)) -- in one task

-- How many of `count` random points lie in the circle.
local function count_hits(count)
  local random, hits = math.random, 0
  for _ = 1, count do
    local x, y = random() - 0.5, random() - 0.5
    if x * x + y * y <= 0.25 then hits = hits + 1 end
  end
  return hits
end

local tasks = {}
for task = 1, TASKS do tasks[task] = points end

local pool = mm.Pool()
local hits = 0
for _, of_task in ipairs(pool:map(count_hits, tasks)) do hits = hits + of_task end
pool:close()
pool:join()

local total = TASKS * points
local estimate = 4 * hits / total
local share = math.pi / 4
local standard_error = 4 * math.sqrt(share * (1 - share) / total)
local miss = math.abs(estimate - math.pi)

-- The most digits, of at most six, to which all numbers that near to pi round alike.
local function sure_digits()
  local digits = 0
  for more = 1, 6 do
    local text = ("%%.%df"):format(more)
    local low, high = text:format(math.pi - 5 * standard_error), text:format(math.pi + 5 * standard_error)
    if low == high then digits = more end
  end
  return digits
end

print(("pi is about %%.%df"):format(sure_digits()):format(estimate))
print(("%d random points; the standard error for so many is %.6f"):format(total, standard_error))
if miss > 5 * standard_error then
  io.stderr:write(("pi.lua: %.6f is wrong\n"):format(estimate))
  os.exit(1)
end
