-- SPDX-License-Identifier: MIT
-- Runs the benchmarks: each row's contenders take turns (A B C A B C …), each run in a new process.
--
--   manymoons tests/bench/run.lua                        all rows; writes docs/reference/performance.md as well
--   manymoons tests/bench/run.lua --only ROW             one row, only on the terminal
--   manymoons tests/bench/run.lua --quick                only our programs, for two minutes: the rows that are worse
--                                                        than the page's by more than both spreads
--   manymoons tests/bench/run.lua --smoke                only our programs, once, with tiny counts: they must run
--   manymoons tests/bench/run.lua --against FOLDER [ROW] our programs in turns with those of another checkout that has
--                                                        been built, say of the commit before; without peers
--
-- Run it in the project's folder. A program prints lines "metric value unit"; the row names the metric. A program that
-- the machine does not have is left out; one that fails is reported on stderr and makes the exit status 1. Both have a
-- dash in the tables. MM_BUILD is the folder of the variant to measure; default: build/release.
local folder = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = folder .. "/?.lua;" .. package.path
local mm = require("manymoons")
local machine = require("machine")
local page = require("page")
local report = require("report")
local rows = require("rows")

local RUNS = 5
local RUNS_ON_ONE_CORE = 3
local RUNS_QUICKLY, QUICK = 3, 120 -- seconds, after which no other row begins
local CALM, LOOK, AGAIN = 0.1, 0.1, 2 -- a larger share for others disturbs a row; seconds; how often it is run again
local PAGE = "docs/reference/performance.md"

local HEAD = [[
<!-- Written by `make bench`. -->
# Performance

The same work in manymoons, in Python and in Node, side by side: `make bench` runs the programs of `tests/bench/`, and
writes this page. `make bench ONLY=%s` runs one row.

%s
A figure is the median of %d runs, each in a new process. The contenders of a row take turns, so that a change in the
load of the machine affects all of them. Compare the ratios: the figures are those of this machine on this day. *One
core* is the cost of a message, both ends together, with everything on one processor (`taskset -c 0`). *Times the best
peer* is above 1 where manymoons is better than the best of Python and Node. *Target* is the project's goal, in the
units of the row or as a multiple of another contender. A dash: not on this machine, or not applicable.

]]

local function fail(...)
  io.stderr:write("bench: ", string.format(...), "\n")
  os.exit(2)
end

-- The command line ---------------------------------------------------------------------------------------------------

local function find_row(name)
  local names = {}
  for i, row in ipairs(rows) do
    if row.name == name then return row end
    names[i] = row.name
  end
  fail("no row '%s' (there are: %s)", name, table.concat(names, ", "))
end

local function read_plan(words, programs)
  local plan = { rows = rows, runs = RUNS, one_core_runs = 0, page = PAGE }
  if programs.taskset then
    plan.one_core_runs, plan.on_one_core = RUNS_ON_ONE_CORE, programs.taskset .. " -c 0 "
  end
  if words[1] == "--only" and words[2] then
    plan.rows, plan.page = { find_row(words[2]) }, nil
  elseif words[1] == "--quick" then
    plan.runs, plan.one_core_runs, plan.page, plan.is_quick = RUNS_QUICKLY, 0, nil, true
  elseif words[1] == "--smoke" then
    plan.runs, plan.one_core_runs, plan.page, plan.is_smoke = 1, 0, nil, true
  elseif words[1] == "--against" and words[2] then
    plan.rows = words[3] and { find_row(words[3]) } or rows
    plan.one_core_runs, plan.page, plan.against = 0, nil, words[2]
  elseif words[1] then
    fail("--only ROW, --quick, --smoke or --against FOLDER expected, got '%s'", words[1])
  end
  return plan
end

-- Measuring --------------------------------------------------------------------------------------------------------

-- The command for the shell; nil if a program in it is not on this machine.
local function complete_command(command, programs)
  local is_there = true
  local text = command:gsub("{([%w_]+)}", function(word)
    is_there = is_there and programs[word] ~= nil
    return programs[word]
  end)
  return is_there and text or nil
end

-- The command with a tiny workload: its numbers of two digits or more are replaced.
local function shrink(command) return (command:gsub(" %d%d+%f[%W]", " 4")) end

-- The value of a metric, from one run; nil if the program failed or did not print it.
local function measure(prefix, command, metric, unit)
  local pipe = io.popen("timeout --foreground 60 " .. prefix .. command)
  local output = pipe:read("*a")
  pipe:close()
  for name, value, its_unit in output:gmatch("(%S+)%s+(%S+)%s+(%S+)\n") do
    if name == metric and its_unit == unit then return tonumber(value) end
  end
  return nil
end

local has_failed = false

local function add_run(list, prefix, contender, metric, unit)
  local value = measure(prefix, contender.shell, metric, unit)
  list[#list + 1] = value
  if value then return end
  has_failed = true
  io.stderr:write("bench: no ", metric, " in ", unit, " from: ", prefix, contender.shell, "\n")
end

local function prepare(row, plan, programs)
  for _, contender in ipairs(row.contenders) do
    contender.shell = complete_command(contender.command, programs)
    if (plan.is_smoke or plan.is_quick) and contender.side ~= "ours" then contender.shell = nil end
    if plan.is_smoke and contender.shell then contender.shell = shrink(contender.shell) end
  end
end

-- The share of the processors that other programs use now.
local function others_now()
  local before = machine.load()
  mm.sleep(LOOK)
  return select(2, machine.load(before))
end

local function measure_once(row, plan)
  for _, contender in ipairs(row.contenders) do contender.runs, contender.one_core = {}, {} end
  for _ = 1, plan.is_smoke and 1 or row.runs or plan.runs do
    if not plan.is_smoke then row.others = math.max(row.others, others_now()) end
    for _, contender in ipairs(row.contenders) do
      if contender.shell then add_run(contender.runs, "", contender, row.metric, row.unit) end
    end
  end
  for _ = 1, row.one_core and plan.one_core_runs or 0 do
    for _, contender in ipairs(row.contenders) do
      if contender.shell then
        add_run(contender.one_core, plan.on_one_core, contender, row.one_core.metric, row.one_core.unit)
      end
    end
  end
end

-- A row that other programs disturb is run again; the row keeps what it met.
local function measure_row(row, plan)
  if plan.is_smoke then return measure_once(row, plan) end
  for _ = 0, plan.is_quick and 0 or AGAIN do
    local before = machine.load()
    row.others = 0
    measure_once(row, plan)
    row.stolen = select(3, machine.load(before))
    row.is_disturbed = row.others > CALM or row.stolen > CALM
    if not row.is_disturbed then return end
  end
end

-- The whole --------------------------------------------------------------------------------------------------------

local function write_page(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
  io.write("\n(written to ", path, ")\n")
end

-- Two checkouts --------------------------------------------------------------------------------------------------

-- The row with each program of ours twice, the other checkout's first; nil if it has none.
local function double_row(row, programs, other_programs)
  local contenders = {}
  for _, contender in ipairs(row.contenders) do
    local is_ours = contender.command:find("{manymoons}", 1, true) or contender.command:find("{luajit}", 1, true)
    local before = is_ours and complete_command(contender.command, other_programs)
    if before then
      local after = complete_command(contender.command, programs)
      contenders[#contenders + 1] = { name = contender.name, command = before, side = "ours" }
      contenders[#contenders + 1] = { name = contender.name, command = after, side = "ours" }
    end
  end
  if #contenders == 0 then return nil end
  return { name = row.name, metric = row.metric, unit = row.unit, better = row.better, contenders = contenders }
end

local function compare_checkouts(plan, programs)
  local other_programs = machine.find_programs(plan.against .. "/build/release", plan.against .. "/tests/bench")
  local doubled = {}
  for _, row in ipairs(plan.rows) do
    local double = double_row(row, programs, other_programs)
    if double then
      prepare(double, plan, programs)
      measure_row(double, plan)
      doubled[#doubled + 1] = double
      io.write(report.comparison{ double }, "\n")
      io.flush()
    end
  end
  io.write(report.comparison(doubled))
end

local function compare_with_page(plan, programs)
  local figures, began, calm, count = page.figures(PAGE), mm.time(), {}, 0
  for _, row in ipairs(plan.rows) do
    if mm.time() - began > QUICK then break end
    prepare(row, plan, programs)
    measure_row(row, plan)
    count = count + 1
    if not row.is_disturbed then calm[#calm + 1] = row end
  end
  if #calm > 0 then io.write(report.regressions(calm, figures)) end
  if #calm < count then
    io.write(count - #calm, " of ", count,
      " rows are not judged: other programs had more than a tenth of the processors\n")
  end
  if count < #plan.rows then
    io.write("not measured, for want of time: ", #plan.rows - count, " rows, from '", plan.rows[count + 1].name,
      "' on\n")
  end
end

local function main()
  local programs = machine.find_programs(os.getenv("MM_BUILD") or "build/release", folder)
  local plan = read_plan(arg, programs)
  local description = machine.describe(programs)
  io.write(description, "\n")
  if plan.against then return compare_checkouts(plan, programs) end
  if plan.is_quick then return compare_with_page(plan, programs) end
  local sections = {}
  for i, row in ipairs(plan.rows) do
    prepare(row, plan, programs)
    measure_row(row, plan)
    sections[i] = report.row(row)
    io.write(sections[i], "\n")
    io.flush()
  end
  local summary = report.summary(plan.rows)
  io.write(summary)
  if not plan.page then return end
  local head = HEAD:format(rows[1].name, description, plan.runs)
  write_page(plan.page, head .. summary .. "\n" .. table.concat(sections, "\n"))
end

main()
os.exit(has_failed and 1 or 0)
