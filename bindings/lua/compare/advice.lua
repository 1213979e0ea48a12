-- SPDX-License-Identifier: MIT
-- Advice for people: each line has the measured figures that support it.
--
-- A rule reads all rows (compare/summary.lua) and returns a line or nothing. Rules about the script come first, doubts
-- about the measurement last. The thresholds are coarse on purpose, so that there is advice only if the figures are
-- clear.
local require = ...

local worlds = require("core.worlds")
local judge = require("compare.summary")
local text = require("compare.text")

local LOCK_SHARE = 0.2 -- a smaller share of waiting for a lock is not reported
local SHORT_RUN = 0.05 -- seconds: most of a shorter run is the start of the program
local MANY_MESSAGES, MANY_BYTES = 1000, 10e6
local BUSY, IDLE = 0.8, 0.5 -- cores of a CPU-bound serial run, and of one that waits
local GAIN = 1.1 -- a smaller ratio is not reported

local function fastest_of(rows, is_meant)
  for _, row in ipairs(judge.by_speed(rows)) do
    if is_meant(row) then return row end
  end
end

local function has_own_locks(row) return worlds.has(row.world, "has_own_vm") end

local function is_overlapping(a, b) return a.least <= b.most and b.least <= a.most end

-- Threads wait for the lock.
local function advise_on_lock(rows)
  local worst
  for _, row in ipairs(rows) do
    local share = row.lock_share or 0
    if share >= LOCK_SHARE and share > (worst and worst.lock_share or 0) then worst = row end
  end
  if not worst then return nil end
  local fact = string.format("%s: %s of the time waiting for the lock", worst.label, text.percent(worst.lock_share))
  if worst.baseline.cores < BUSY then return fact .. ": its threads want to run at the same time but take turns" end
  local other = fastest_of(rows, has_own_locks)
  if not other then return fact .. ": this script is CPU-bound, and one lock lets one thread run at a time" end
  local is_parallel = worst.wall / other.wall >= GAIN and other.cores >= GAIN
  if not is_parallel then return fact .. ": this script is CPU-bound" end
  return string.format("%s: this script is CPU-bound; %s, with a lock for each VM, ran %s times faster", fact,
    other.label, text.ratio(worst.wall / other.wall))
end

-- Sending costs more than the work: many messages, and much more processor time than without workers.
local function advise_on_copying(rows)
  local worst, worst_extra
  for _, row in ipairs(rows) do
    local sends_much = (row.messages or 0) >= MANY_MESSAGES or (row.bytes or 0) >= MANY_BYTES
    local extra = row.cpu - row.baseline.cpu
    if has_own_locks(row) and sends_much and extra > row.baseline.cpu / 2 and extra > (worst_extra or 0) then
      worst, worst_extra = row, extra
    end
  end
  if not worst then return nil end
  return string.format("%s: copying dominates: %s of %s each; %s s of processor time, where %s needed %s s. "
      .. "Send fewer, larger pieces of work (chunksize), or less with each", worst.label,
    text.count_of(worst.messages, "message"), text.bytes(worst.bytes / worst.messages), text.seconds(worst.cpu),
    worst.baseline.label, text.seconds(worst.baseline.cpu))
end

-- The script waits: more processors do not help it.
local function advise_on_waiting(rows)
  local base = rows[1].baseline
  if base.wall < SHORT_RUN or base.cores >= IDLE then return nil end
  local fact = string.format("%s kept %s of a processor busy: this script waits (for sleep, files, the network)",
    base.label, text.percent(base.cores))
  local best = judge.by_speed(rows)[1]
  if best.speedup < GAIN then return fact end
  return string.format("%s; in %s several waits overlap", fact, best.label)
end

local function most_messages(rows)
  local most = 0
  for _, row in ipairs(rows) do most = math.max(most, row.messages or 0) end
  return most
end

-- No world makes a CPU-bound script faster.
local function advise_on_no_gain(rows)
  local best = fastest_of(rows, has_own_locks)
  if not best or best.speedup >= GAIN or best.baseline == best or best.baseline.cores < BUSY then return nil end
  if best.baseline.wall < SHORT_RUN then return nil end
  if most_messages(rows) == 0 and best.cores < GAIN then
    return "no messages were sent, and one processor was enough: this script does not seem to use workers"
  end
  if best.cores < GAIN then
    return string.format("%s kept %s processors at work: its workers did not run at the same time, or found no free "
      .. "processor", best.label, text.ratio(best.cores))
  end
  return string.format("%s kept %s processors at work and is not faster than %s: the overhead of the workers outweighs "
    .. "their gain", best.label, text.ratio(best.cores), best.baseline.label)
end

-- Processors were idle although the script could use them.
local function advise_on_idle_processors(rows)
  local best = judge.by_speed(rows)[1]
  if not best.workers or best.workers == 1 or not has_own_locks(best) then return nil end
  if best.baseline.cores < BUSY or best.cores > best.workers * 0.75 then return nil end
  return string.format("%s kept %s processors at work: workers waited for each other, for the parent, for a long last "
    .. "task, or there are fewer processors", best.label, text.ratio(best.cores))
end

-- More workers brought nothing.
local function advise_on_scaling(rows)
  local best = judge.by_speed(rows)[1]
  local fewer
  for _, row in ipairs(rows) do
    local is_fewer = row.world == best.world and row.workers and row.workers < best.workers
    if is_fewer and row.wall / best.wall < GAIN and (not fewer or row.workers < fewer.workers) then fewer = row end
  end
  if not fewer then return nil end
  return string.format("%s: %s s, and %s s with %d: more workers brought little", fewer.label, text.seconds(fewer.wall),
    text.seconds(best.wall), best.workers)
end

local function advise_on_doubt(rows)
  local fastest = judge.by_speed(rows)[1]
  local second = fastest_of(rows, function(row) return row.world ~= fastest.world end)
  if not second or not is_overlapping(fastest, second) then return nil end
  return string.format("%s may be as fast as %s: the spread of their runs is larger than the difference; "
    .. "more runs (--runs) tell more", second.label, fastest.label)
end

local function advise_on_short_runs(rows)
  local slowest = judge.by_speed(rows)[#rows]
  if slowest.wall >= SHORT_RUN then return nil end
  return string.format("runs of %.0f ms measure little but the start of the program", slowest.wall * 1000)
end

local RULES = {
  advise_on_lock,
  advise_on_copying,
  advise_on_waiting,
  advise_on_no_gain,
  advise_on_idle_processors,
  advise_on_scaling,
  advise_on_doubt,
  advise_on_short_runs,
}

-- Returns a list of lines.
return function(rows)
  local lines = {}
  for _, advise in ipairs(RULES) do lines[#lines + 1] = advise(rows) end
  return lines
end
