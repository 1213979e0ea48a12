-- SPDX-License-Identifier: MIT
-- The results of manymoons compare: a row of numbers for each cell, failures, and disagreements.
--
-- A row:
--
--   world, workers, label          label is for people
--   walls, wall, least, most       seconds of all runs, in order; their median, minimum and maximum
--   cpu, cores, messages, bytes    medians; cores is processor time for each second
--   peak                           bytes, the largest of all runs
--   speedup                        over the baseline, which is serial, or else the first world, with as many workers
--   lock_share                     of the time in which threads held or waited for a VM lock, the share of
--                                  waiting; nil: unknown
local require = ...

local worlds = require("core.worlds")
local measure = require("compare.runs")

local judge = {}

local function sorted_numbers(list, read)
  local values = {}
  for _, item in ipairs(list) do values[#values + 1] = read(item) end
  table.sort(values)
  return values
end

-- nil if the list is empty.
local function median(sorted)
  local middle = math.floor((#sorted + 1) / 2)
  if #sorted % 2 == 1 then return sorted[middle] end
  return sorted[middle] and (sorted[middle] + sorted[middle + 1]) / 2
end

local function median_of(runs, read) return median(sorted_numbers(runs, read)) end

local function lock_share(run)
  local lock = run.stats.lock
  local wanted = lock and lock.held + lock.waited or 0
  return wanted > 0 and lock.waited / wanted or nil
end

local function label_of(cell)
  if not cell.workers then return cell.world end
  return string.format("%s with %d worker%s", cell.world, cell.workers, cell.workers == 1 and "" or "s")
end

local function row_of(cell)
  local runs = cell.runs
  local row = { world = cell.world, workers = cell.workers, label = label_of(cell), walls = {} }
  for i, run in ipairs(runs) do row.walls[i] = run.wall end
  local walls = sorted_numbers(runs, function(run) return run.wall end)
  local peaks = sorted_numbers(runs, function(run) return run.peak end)
  row.wall, row.least, row.most, row.peak = median(walls), walls[1], walls[#walls], peaks[#peaks]
  row.cpu = median_of(runs, function(run) return run.cpu end)
  row.cores = row.cpu / row.wall
  row.messages = median_of(runs, function(run) return run.stats.messages end)
  row.bytes = median_of(runs, function(run) return run.stats.bytes end)
  row.lock_share = median_of(runs, lock_share)
  return row
end

-- The baseline of a row: serial with as many workers, or else the first world with as many.
local function baseline_of(rows, row)
  local first
  for _, other in ipairs(rows) do
    if other.workers == row.workers then
      if worlds.has(other.world, "is_immediate") then return other end
      first = first or other
    end
  end
  return first
end

function judge.rows(cells)
  local rows = {}
  for i, cell in ipairs(cells) do rows[i] = row_of(cell) end
  for _, row in ipairs(rows) do
    row.baseline = baseline_of(rows, row)
    row.speedup = row.baseline.wall / row.wall
  end
  return rows
end

function judge.by_speed(rows)
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

-- Cells whose last run failed.
function judge.failures(cells)
  local failures = {}
  for _, cell in ipairs(cells) do
    local last = cell.runs[#cell.runs]
    if measure.has_failed(last) then failures[#failures + 1] = { label = label_of(cell), report = last } end
  end
  return failures
end

local function lines_of(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  return lines
end

local function first_difference(text, other)
  local lines, other_lines = lines_of(text), lines_of(other)
  local number = 1
  while lines[number] == other_lines[number] do number = number + 1 end
  return number, lines[number], other_lines[number]
end

-- The first run whose output differs from that of the first run of the first cell; nil if there is none.
function judge.disagreement(cells)
  local expected = cells[1].runs[1].output
  for _, cell in ipairs(cells) do
    for number, report in ipairs(cell.runs) do
      if report.output ~= expected then
        local line, left, right = first_difference(expected, report.output)
        return {
          label = label_of(cell),
          run = number,
          first_label = label_of(cells[1]),
          line = line,
          left = left,
          right = right,
        }
      end
    end
  end
  return nil
end

return judge
