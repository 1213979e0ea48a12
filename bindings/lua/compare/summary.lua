-- SPDX-License-Identifier: MIT
-- The results of manymoons compare: a row of numbers for each cell, failures, and disagreements.
--
-- A row:
--
--   world, lua, workers, chunks, label   what was varied (compare/runs.lua); label is for people
--   walls, wall, least, most       seconds of all runs, in order; their median, minimum and maximum
--   outliers                       those of `walls` that are far from all others
--   cpu, cores, messages, bytes    medians; cores is processor time for each second
--   peak                           bytes, the largest of all runs
--   speedup, low, high             over the baseline, which is serial, or else the first world, with the same settings;
--                                  and the interval of this ratio, nil after few runs
--   path, path_speedup             seconds on the critical path (os/run_threads.h), and the ratio to the baseline's
--   cpu_ratio                      processor time, as a multiple of the baseline's
--   lock_share                     of the time in which threads held or waited for a VM lock, the share of
--                                  waiting; nil: unknown
--   cpu_wait                       of the time in which threads wanted a processor, the share in which they had none
--   cpu_wait_others                the part of it that other programs or the hypervisor caused
--   lost_to_others                 the share of the run that this cost
--   slept                          the share of the run in which the program neither ran nor wanted to
--   worker_share                   the share of processor time that threads other than the first one used
--   stolen, throttled, faults, major_faults, switches, forced_switches   sums over all runs (compare/measure.h)
--
-- Figures of threads are nil on a system that does not count them.
local require = ...

local worlds = require("core.worlds")
local measure = require("compare.runs")
local statistics = require("compare.statistics")

local FULL = 0.9 -- of all processors, in use

local judge = {}

local sorted_numbers, median_of = statistics.sorted, statistics.median

local function lock_share(run)
  local lock = run.stats.lock
  local wanted = lock and lock.held + lock.waited or 0
  return wanted > 0 and lock.waited / wanted or nil
end

local function label_of(cell)
  local label = cell.lua and cell.world .. " in Lua " .. cell.lua or cell.world
  if cell.workers == 1 then label = label .. " with 1 worker" end
  if (cell.workers or 0) > 1 then label = string.format("%s with %d workers", label, cell.workers) end
  if cell.chunks then label = label .. (cell.workers and ", chunks of " or " with chunks of ") .. cell.chunks end
  return label
end

local function sum_of(runs, name)
  local sum = 0
  for _, run in ipairs(runs) do sum = sum + (run[name] or 0) end
  return sum
end

-- How long the threads of a run had a processor, and how long they wanted one in vain; and the threads but the first.
local function note_threads(run)
  run.ran, run.ready, run.workers_ran = 0, 0, 0
  for i, thread in ipairs(run.threads) do
    run.ran, run.ready = run.ran + thread.ran, run.ready + thread.ready
    if i > 1 then run.workers_ran = run.workers_ran + thread.ran end
  end
  run.path = math.max(run.wall - run.lost, 0)
end

-- What is stolen from a processor stops the thread that runs there, ours or another.
local function stolen_from(runs)
  local ours, others = sum_of(runs, "cpu"), sum_of(runs, "others")
  return ours + others > 0 and sum_of(runs, "stolen") * ours / (ours + others) or 0
end

-- Where the system does not count how long threads stood ready: if all processors were in use, what others used of them
-- is what this program may have lacked.
local function estimate_cpu_wait(row, runs)
  local room = 0
  for _, run in ipairs(runs) do room = room + (run.processors or 0) * run.wall end
  local ours, others = sum_of(runs, "cpu"), sum_of(runs, "others")
  if room == 0 or ours + others < FULL * room then return end
  row.cpu_wait_others = others / (ours + others)
  row.lost_to_others = row.cpu_wait_others
end

-- Threads that wait for each other wait for a processor as well. Others caused no more than they used.
local function note_cpu_wait(row, runs)
  for _, run in ipairs(runs) do
    if not run.threads then return estimate_cpu_wait(row, runs) end
    note_threads(run)
  end
  local ran, ready, stolen = sum_of(runs, "ran"), sum_of(runs, "ready"), stolen_from(runs)
  local of_others = sum_of(runs, "others") + sum_of(runs, "throttled")
  local wanted = ran + ready + stolen
  if wanted <= 0 then return end
  row.cpu_wait = (ready + stolen) / wanted
  row.cpu_wait_others = (math.min(ready, of_others) + stolen) / wanted
  row.lost_to_others = (math.min(sum_of(runs, "lost"), of_others) + stolen) / sum_of(runs, "wall")
  row.worker_share = ran > 0 and sum_of(runs, "workers_ran") / ran or 0
  row.path = median_of(runs, function(run) return run.path end)
end

-- Time is sleep only if nothing else explains it.
local function slept_share(run)
  local awake = run.threads and run.ran + run.ready or run.cpu + (run.others or 0)
  return math.max(0, 1 - (math.max(awake, run.cpu) + (run.stolen or 0) + (run.throttled or 0)) / run.wall)
end

local SUMS = { "stolen", "throttled", "faults", "major_faults", "switches", "forced_switches" }

local function row_of(cell)
  local runs = cell.runs
  local row = { world = cell.world, lua = cell.lua, workers = cell.workers, chunks = cell.chunks, walls = {} }
  row.label, row.runs = label_of(cell), runs
  for i, run in ipairs(runs) do row.walls[i] = run.wall end
  local walls = sorted_numbers(runs, function(run) return run.wall end)
  local peaks = sorted_numbers(runs, function(run) return run.peak end)
  row.wall, row.least, row.most = statistics.median_of_sorted(walls), walls[1], walls[#walls]
  row.peak, row.outliers = peaks[#peaks], statistics.outliers(row.walls)
  row.cpu = median_of(runs, function(run) return run.cpu end)
  row.cores = row.cpu / row.wall
  row.messages = median_of(runs, function(run) return run.stats.messages end)
  row.bytes = median_of(runs, function(run) return run.stats.bytes end)
  row.lock_share = median_of(runs, lock_share)
  note_cpu_wait(row, runs)
  row.slept = median_of(runs, slept_share)
  for _, name in ipairs(SUMS) do row[name] = sum_of(runs, name) end
  return row
end

-- The baseline of a row: serial with the same settings in the first Lua, or else the first world with them.
local function baseline_of(rows, row)
  local first
  for _, other in ipairs(rows) do
    if other.workers == row.workers and other.chunks == row.chunks and other.lua == rows[1].lua then
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
    local baseline = baseline_of(rows, row)
    row.baseline = baseline
    row.speedup = baseline.wall / row.wall
    if row ~= baseline then row.low, row.high = statistics.interval(baseline.walls, row.walls, statistics.USUAL) end
    row.cpu_ratio = baseline.cpu > 0 and row.cpu / baseline.cpu or nil
    row.path_speedup = row.path and baseline.path and row.path > 0 and baseline.path / row.path or nil
  end
  return rows
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
