-- SPDX-License-Identifier: MIT
-- The runs of manymoons compare.
--
-- A cell is { world, workers, runs }; workers is nil if the script chooses the number. Its runs are reports of
-- measure_run (compare/measure.h), in the order of the rounds, with the figures of MANYMOONS_STATS (cli/stats.h) in the
-- field `stats`. The cells take turns (A B C A B C …), so that a change in the load of the machine affects all of them.
-- The host program executes itself.
local require, native = ...

local json = require("core.json")
local outcome = require("compare.outcome")

local measure = {}

local function run_cell(plan, cell, environment, notes)
  local argv = { "manymoons", "--world", cell.world, "--" }
  for _, word in ipairs(plan.command) do argv[#argv + 1] = word end
  environment.MANYMOONS_WORKERS = cell.workers
  local report, why = native.measure_run({
    program = native.program_path(),
    argv = argv,
    env = environment,
    notes = notes,
    timeout = plan.timeout,
  })
  if report then return report end
  if why ~= "timeout" then outcome.fail("manymoons compare: cannot run the program: " .. why .. "\n") end
  return { timeout = plan.timeout }
end

-- Clears MANYMOONS_TRACE, because recording would change the measured times.
local function run_measured(plan, cell)
  local report = run_cell(plan, cell, { MANYMOONS_TRACE = "" }, { "MANYMOONS_STATS" })
  report.stats = report.notes and json.decode(report.notes.MANYMOONS_STATS) or {}
  return report
end

function measure.has_failed(report) return report.exitcode ~= 0 end

-- Runs each cell once; returns false if a run failed.
local function run_round(plan, cells, on_run)
  local all_fine = true
  for _, cell in ipairs(cells) do
    on_run(cell)
    local report = run_measured(plan, cell)
    cell.runs[#cell.runs + 1] = report
    all_fine = all_fine and not measure.has_failed(report)
  end
  return all_fine
end

local function new_cells(plan)
  local cells = {}
  for _, workers in ipairs(plan.workers or { false }) do
    for _, world in ipairs(plan.worlds) do
      cells[#cells + 1] = { world = world, workers = workers or nil, runs = {} }
    end
  end
  return cells
end

-- Returns the cells with their measured runs. A round with a failure is the last one. on_run(cell, round) is called
-- before each run; the round is below 1 while warming up.
function measure.run_all(plan, on_run)
  local cells = new_cells(plan)
  for round = 1 - plan.warmup, plan.runs do
    if round == 1 then cells = new_cells(plan) end
    if not run_round(plan, cells, function(cell) on_run(cell, round) end) then break end
  end
  return cells
end

-- Records one run of each world, with the largest number of workers: a list of { world, workers, text }. text is "" if
-- nothing was recorded. These runs are not measured.
function measure.record_all(plan, on_run)
  local recordings = {}
  local workers = plan.workers and math.max((table.unpack or unpack)(plan.workers))
  for _, world in ipairs(plan.worlds) do
    local cell = { world = world, workers = workers }
    on_run(cell)
    local report = run_cell(plan, cell, {}, { "MANYMOONS_TRACE" })
    cell.text = report.notes and report.notes.MANYMOONS_TRACE or ""
    recordings[#recordings + 1] = cell
  end
  return recordings
end

return measure
