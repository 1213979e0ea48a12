-- SPDX-License-Identifier: MIT
-- The runs of manymoons compare.
--
-- A cell is { world, lua, workers, chunks, runs }; lua is nil if only the host program runs the script, workers and
-- chunks if the script chooses them. Its runs are reports of measure_run (compare/measure.h), in the order of the
-- rounds, with the figures of MANYMOONS_STATS (cli/stats.h) in the field `stats`. The cells take turns (A B C A B C …),
-- so that a change in the load of the machine affects all of them; each round begins with another one, so that none
-- runs always behind the same. The host program executes itself.
local require, native = ...

local json = require("core.json")
local worlds = require("core.worlds")
local reading = require("profile.reading")
local tree = require("profile.tree")
local outcome = require("compare.outcome")

local LONGEST = 60 -- seconds: with --runs auto no later round begins
local ROUNDS_LEAST, ROUNDS_MOST = 5, 60 -- with --runs auto
local ROUNDS_OF_LONG = 3 -- likewise, if these take longer than LONGEST: fewer give no interval

local SAMPLES = 200 -- a second, in recorded runs

local measure = {}

local function argv_of(plan, cell)
  local host = cell.host
  local argv = host and { host.program } or { "manymoons", "--world", cell.world }
  for _, word in ipairs(plan.options) do
    if not host or not host.lacks[word] then argv[#argv + 1] = word end
  end
  argv[#argv + 1] = "--"
  for _, word in ipairs(plan.command) do argv[#argv + 1] = word end
  return argv
end

local function environment_of(cell, more)
  local environment = { MANYMOONS_WORKERS = cell.workers, MANYMOONS_CHUNKSIZE = cell.chunks }
  for name, value in pairs(more) do environment[name] = value end
  if cell.host then
    environment.MANYMOONS_WORLD = cell.world
    for name, value in pairs(cell.host.environment) do environment[name] = value end
  end
  return environment
end

local function run_cell(plan, cell, environment, notes)
  local report, why = native.measure_run({
    program = cell.host and cell.host.program or native.program_path(),
    argv = argv_of(plan, cell),
    env = environment_of(cell, environment),
    notes = notes,
    timeout = plan.timeout,
    takes_turns = not worlds.has(cell.world, "has_own_vm"),
    pin = plan.pin,
  })
  if report then return report end
  if why ~= "timeout" then outcome.fail("cannot run the program: %s", why) end
  return { timeout = plan.timeout }
end

-- Clears MANYMOONS_TRACE, because recording would change the measured times.
local function run_measured(plan, cell)
  local report = run_cell(plan, cell, { MANYMOONS_TRACE = "" }, { "MANYMOONS_STATS" })
  report.stats = report.notes and json.decode(report.notes.MANYMOONS_STATS) or {}
  return report
end

function measure.has_failed(report) return report.exitcode ~= 0 end

-- Runs each cell once, from the one on whose turn it is; returns false if a run failed.
local function run_round(plan, cells, first, on_run)
  local all_fine = true
  for i = 0, #cells - 1 do
    local cell = cells[(first + i) % #cells + 1]
    on_run(cell)
    local report = run_measured(plan, cell)
    cell.runs[#cell.runs + 1] = report
    all_fine = all_fine and not measure.has_failed(report)
  end
  return all_fine
end

local NONE = { false }

-- Calls visit with each combination of what is varied, the worlds innermost.
local function for_each_setting(plan, visit)
  for _, host in ipairs(plan.luas or NONE) do
    for _, workers in ipairs(plan.workers or NONE) do
      for _, chunks in ipairs(plan.chunks or NONE) do
        for _, world in ipairs(plan.worlds) do visit(world, host or {}, workers or nil, chunks or nil) end
      end
    end
  end
end

local function new_cells(plan)
  local cells = {}
  for_each_setting(plan, function(world, host, workers, chunks)
    cells[#cells + 1] = { world = world, lua = host.name, host = host.program and host or nil, workers = workers,
      chunks = chunks, runs = {} }
  end)
  return cells
end

-- Whether another round would tell more.
local function is_done(plan, cells, round, began, is_settled)
  if plan.runs then return round >= plan.runs end
  if round >= ROUNDS_MOST then return true end
  if native.time() - began > LONGEST then return round >= ROUNDS_OF_LONG end
  local is_time = round % math.max(1, math.floor(round / ROUNDS_LEAST)) == 0 -- the question takes time itself
  return round >= ROUNDS_LEAST and is_time and is_settled(cells)
end

-- Returns the cells with their measured runs. A round with a failure is the last one. on_run(cell, round, cells) is
-- called before each run; the round is below 1 while warming up. Without plan.runs there are more rounds until
-- is_settled(cells), or until a minute has passed.
function measure.run_all(plan, on_run, is_settled)
  local cells, round = new_cells(plan), 1 - plan.warmup
  local function next_round()
    return run_round(plan, cells, math.max(round - 1, 0), function(cell) on_run(cell, round, cells) end)
  end
  while round < 1 do
    if not next_round() then return cells end
    round = round + 1
  end
  cells = new_cells(plan)
  local began = native.time()
  while next_round() and not is_done(plan, cells, round, began, is_settled) do round = round + 1 end
  return cells
end

-- How many rounds there will be: the number given, or the least, and whether there may be more.
function measure.rounds(plan) return plan.runs or ROUNDS_LEAST, plan.runs == nil end

-- The recorded run of a cell, which is profiled meanwhile if a page is wanted, so that it can name functions.
local function record(plan, cell)
  local notes = { "MANYMOONS_TRACE", plan.files.html and "MANYMOONS_PROFILE" or nil }
  local report = run_cell(plan, cell, { MANYMOONS_PROFILE_RATE = SAMPLES }, notes)
  cell.text = report.notes and report.notes.MANYMOONS_TRACE or ""
  local page = report.notes and report.notes.MANYMOONS_PROFILE or ""
  cell.no_profile = "nothing was sampled"
  if page == "" then return end
  cell.profile, cell.no_profile = reading.of_page(page)
  if not cell.profile then return end
  cell.stacks, cell.profile.tops = tree.names_of_stacks(cell.profile), {}
end

-- Records one run of each world in the host program, with the largest number of workers: a list of { world, workers,
-- text, profile, stacks }. text is "" if nothing was recorded, and without a profile there is `no_profile`, which says
-- why. These runs are not measured.
function measure.record_all(plan, on_run)
  local recordings = {}
  local workers = plan.workers and math.max((table.unpack or unpack)(plan.workers))
  for _, world in ipairs(plan.worlds) do
    local cell = { world = world, workers = workers }
    on_run(cell)
    record(plan, cell)
    recordings[#recordings + 1] = cell
  end
  return recordings
end

return measure
