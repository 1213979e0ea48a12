-- SPDX-License-Identifier: MIT
-- Advice for people: each line has the measured figures that support it.
--
-- A rule reads all rows (compare/summary.lua) and the verdict, and returns a line or nothing. The thresholds are coarse
-- on purpose, so that there is advice only if the figures are clear. Where they show nothing (compare/verdict.lua),
-- there is none. What a row wanted is what it had, and the time for which its threads stood ready: a busy machine makes
-- no program look as if it slept.
local require = ...

local worlds = require("core.worlds")
local text = require("compare.text")
local verdict = require("compare.verdict")

local LOCK_SHARE = 0.2 -- a smaller share of waiting for a lock is not reported
local MANY_MESSAGES, MANY_BYTES = 1000, 10e6
local BUSY = 0.8 -- processors that a CPU-bound serial run wants
local SLEEPS = 0.5 -- the share of sleep of one that waits
local GAIN = 1.1 -- a smaller ratio is not reported
local CROWDED = 0.25 -- a smaller share of waiting for a processor, caused by the program itself, is not reported

-- The processors that the program had or wanted, on average.
local function wanted_by(row)
  local wait = row.cpu_wait or 0
  return wait < 1 and row.cores / (1 - wait) or row.cores
end

local function is_computing(row) return wanted_by(row) >= BUSY and (row.slept or 0) < 1 - BUSY end

local function fastest_of(found, is_meant)
  for _, row in ipairs(found.order) do
    if is_meant(row) then return row end
  end
end

local function has_own_locks(row) return worlds.has(row.world, "has_own_vm") end

-- Threads wait for the lock.
local function advise_on_lock(rows, found)
  local worst
  for _, row in ipairs(rows) do
    local share = row.lock_share or 0
    if share >= LOCK_SHARE and share > (worst and worst.lock_share or 0) then worst = row end
  end
  if not worst then return nil end
  local fact = string.format("%s: %s of the time waiting for the lock", worst.label, text.percent(worst.lock_share))
  if not is_computing(worst.baseline) then
    return fact .. ": its threads want to run at the same time but take turns"
  end
  local other = fastest_of(found, has_own_locks)
  if not other then return fact .. ": this script is CPU-bound, and one lock lets one thread run at a time" end
  local is_parallel = worst.wall / other.wall >= GAIN and other.cores >= GAIN and verdict.is_faster(other, worst)
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

-- The script sleeps: more processors do not help it.
local function advise_on_waiting(_, found)
  local best = found.best
  local base = best.baseline
  if (base.slept or 0) <= SLEEPS then return nil end
  local fact = string.format("%s slept for %s of its time: this script waits (for sleep, files, the network)",
    base.label, text.percent(base.slept))
  if best.speedup < GAIN or not verdict.is_faster(best, base) then return fact end
  return string.format("%s; in %s several waits overlap", fact, best.label)
end

local function most_messages(rows)
  local most = 0
  for _, row in ipairs(rows) do most = math.max(most, row.messages or 0) end
  return most
end

-- No world makes a CPU-bound script faster.
local function advise_on_no_gain(rows, found)
  local best = fastest_of(found, has_own_locks)
  if not best or (best.high or best.speedup) >= GAIN or best.baseline == best then return nil end
  if not is_computing(best.baseline) then return nil end
  if most_messages(rows) == 0 and wanted_by(best) < GAIN then
    return "no messages were sent, and one processor was enough: this script does not seem to use workers"
  end
  if wanted_by(best) < GAIN then
    return string.format("%s kept %s processors at work: its workers did not run at the same time", best.label,
      text.ratio(best.cores))
  end
  if best.cores < GAIN then
    return string.format("%s wanted %s processors and had %s: its workers found no free processor", best.label,
      text.ratio(wanted_by(best)), text.ratio(best.cores))
  end
  return string.format("%s kept %s processors at work and is not faster than %s: the overhead of the workers outweighs "
    .. "their gain", best.label, text.ratio(best.cores), best.baseline.label)
end

-- Processors were idle although the script could use them.
local function advise_on_idle_processors(_, found)
  local best = found.best
  if not best.workers or best.workers == 1 or not has_own_locks(best) then return nil end
  if not is_computing(best.baseline) or wanted_by(best) > best.workers * 0.75 then return nil end
  return string.format("%s kept %s processors at work: workers waited for each other, for the parent, or for a long "
    .. "last task", best.label, text.ratio(best.cores))
end

-- Threads of one program stand in each other's way.
local function advise_on_crowding(rows)
  local worst
  for _, row in ipairs(rows) do
    local own = (row.cpu_wait or 0) - (row.cpu_wait_others or 0)
    if has_own_locks(row) and own > CROWDED and own > (worst and worst.cpu_wait - worst.cpu_wait_others or 0) then
      worst = row
    end
  end
  if not worst or worst.cores < GAIN then return nil end
  return string.format("%s: %s of the time without a processor, which its own workers had: there are more workers than "
    .. "processors", worst.label, text.percent(worst.cpu_wait - worst.cpu_wait_others))
end

-- More workers brought nothing.
local function advise_on_scaling(rows, found)
  local best = found.best
  local fewer
  for _, row in ipairs(rows) do
    local is_fewer = row.world == best.world and row.lua == best.lua and row.chunks == best.chunks
      and row.workers and row.workers < best.workers
    if is_fewer and row.wall / best.wall < GAIN and (not fewer or row.workers < fewer.workers) then fewer = row end
  end
  if not fewer then return nil end
  return string.format("%s: %s s, and %s s with %d: more workers brought little", fewer.label, text.seconds(fewer.wall),
    text.seconds(best.wall), best.workers)
end

local RULES = {
  advise_on_lock,
  advise_on_copying,
  advise_on_waiting,
  advise_on_no_gain,
  advise_on_idle_processors,
  advise_on_crowding,
  advise_on_scaling,
}

-- Verdicts that say that the figures of time show nothing, or that they are of one world alone.
local SILENT = { short = true, busy = true, idle = true, few = true }

-- Returns a list of lines. found: of verdict.of(rows)
return function(rows, found)
  local lines = {}
  if SILENT[found.kind] then return lines end
  for _, advise in ipairs(RULES) do lines[#lines + 1] = advise(rows, found) end
  return lines
end
