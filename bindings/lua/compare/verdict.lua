-- SPDX-License-Identifier: MIT
-- What the figures of a comparison show, or that they show nothing. A pure function of recorded figures: no clock, no
-- file, no system call.
--
--   verdict.of(rows) → { kind, … } with the rows of compare/summary.lua; the kinds, the first that applies:
--
--   alone      one row: nothing to compare
--   short      even the baseline takes so little time that the start of the program is most of it
--   idle       no workers ran: the script does all its work itself
--   busy       other programs had the processors: { share, row }, the share of time that threads stood ready, and where
--   few        too few runs for an interval
--   tie        the intervals of the best overlap: { rows, within }, the rows and the distance of their medians
--   fastest    { best, second }
--
-- Each has `order`, the rows from the fastest on. A world is called fastest only if the strict interval of its ratio to
-- the baseline overlaps with that of no other row, and the medians are some percent apart.
local require = ...

local worlds = require("core.worlds")
local statistics = require("compare.statistics")

local verdict = {}

verdict.BUSY = 0.1 -- the share of cpu wait above which times show nothing
verdict.SHORT = 0.03 -- seconds
local CLEARLY = 1.03 -- a smaller ratio of medians is no difference, however narrow the intervals
local LOST = 0.03 -- a smaller share of a run that was lost to others moves no ratio
local IDLE_MESSAGES, IDLE_SHARE = 0, 0.02 -- what workers do that do nothing

function verdict.by_speed(rows)
  local order, place = {}, {}
  for i, row in ipairs(rows) do
    order[i], place[row] = row, i
  end
  table.sort(order, function(a, b)
    if a.wall ~= b.wall then return a.wall < b.wall end
    return place[a] < place[b]
  end)
  return order
end

-- The row that stood ready for the largest share of its time because of other programs, if that is too large.
local function busiest_of(rows)
  local worst
  for _, row in ipairs(rows) do
    local share = row.cpu_wait_others or 0
    local counts = share > verdict.BUSY and (row.lost_to_others or 0) > LOST
    if counts and share > (worst and worst.cpu_wait_others or 0) then worst = row end
  end
  return worst
end

local function has_threads(row)
  return not worlds.has(row.world, "is_immediate") and not worlds.has(row.world, "is_tasks")
end

-- Whether the workers of no row did anything, so that all rows are the same run.
local function is_idle(rows)
  local is_known = false
  for _, row in ipairs(rows) do
    if (row.messages or 0) > IDLE_MESSAGES or (row.low or 1) > 1 then return false end
    if has_threads(row) and (row.worker_share or 1) > IDLE_SHARE then return false end
    is_known = is_known or has_threads(row)
  end
  return is_known
end

-- The interval of a row's ratio to the reference, for claims.
local function interval_of(row, reference)
  if row == reference then return 1, 1 end
  return statistics.interval(reference.walls, row.walls, statistics.STRICT)
end

-- Whether the first row is faster than the second beyond doubt.
function verdict.is_faster(row, other)
  if row == other or row.wall * CLEARLY >= other.wall then return false end
  local low = interval_of(row, row.baseline)
  local _, high = interval_of(other, row.baseline)
  return low ~= nil and high ~= nil and low > high
end

local function tied_with(best, order)
  local tied = {}
  for _, row in ipairs(order) do
    if row == best or not verdict.is_faster(best, row) then tied[#tied + 1] = row end
  end
  return tied
end

local function judge(rows, order)
  local best = order[1]
  if not order[2] then return { kind = "alone" } end
  if best.baseline.wall < verdict.SHORT then return { kind = "short", row = best.baseline } end
  if is_idle(rows) then return { kind = "idle" } end
  local busiest = busiest_of(rows)
  if busiest then return { kind = "busy", row = busiest, share = busiest.cpu_wait_others } end
  if not interval_of(order[2], best) then return { kind = "few" } end
  local tied = tied_with(best, order)
  if #tied == 1 then return { kind = "fastest", second = order[2] } end
  return { kind = "tie", rows = tied, within = tied[#tied].wall / best.wall - 1 }
end

function verdict.of(rows)
  local order = verdict.by_speed(rows)
  local found = judge(rows, order)
  found.order, found.best = order, order[1]
  return found
end

-- How wide the interval of the best ratio is, as a share of the ratio; nil: there are too few runs for one.
function verdict.uncertainty(rows)
  local order = verdict.by_speed(rows)
  local row = order[1] ~= order[1].baseline and order[1] or order[2]
  if not row then return 0 end
  return row.low and (row.high - row.low) / row.speedup
end

return verdict
