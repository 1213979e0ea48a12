-- SPDX-License-Identifier: MIT
-- manymoons compare: the same script in every world, and what each made of it.
--
-- Four parts, each of which knows only the data of the one before:
--
--   plan       what the command line asks for
--   measuring  runs[world] = list of reports of measure_run (bindings/measure.h), in the order of the rounds
--   judging    a row of numbers for each world; whether all printed the same; who is fastest
--   rendering  text for people
--
-- The worlds take turns (A B C A B C …), so that whatever else the machine does strikes all alike. A world's time is
-- the median of its runs, from the start of the program to its end.
-- Runs in the host program alone: it executes itself, as /proc/self/exe, with --world.
local mm = require("manymoons")

local PROGRAM = "/proc/self/exe"
local LINE_SHOWN = 100

local USAGE = [[
usage: manymoons compare [options] script [args]
Runs the script in every world, and tells which is fastest and whether all print the same.
  --runs N      measured runs in each world (default: 5)
  --warmup N    runs before that which do not count (default: 1)
  --worlds A,B  these worlds alone (default: ]] .. table.concat(mm.worlds, ",") .. [[)
  --timeout S   give up a run after so many seconds (default: never)
Exit status: 0, or 1 if a run failed or the outputs differ.
]]

-- Plan -------------------------------------------------------------------------------------------------------------

local function exit_with(status, stream, ...)
  stream:write(...)
  io.stdout:flush()
  os.exit(status)
end

local function refuse(...)
  exit_with(1, io.stderr, "manymoons compare: ", string.format(...), "\n(manymoons compare --help tells more)\n")
end

local function read_count(name, text, least)
  local count = tonumber(text)
  if not count or count % 1 ~= 0 or count < least then
    refuse("--%s: a whole number, %d or more, expected, got '%s'", name, least, text)
  end
  return math.floor(count)
end

local function read_worlds(text)
  local exists, list = {}, {}
  for _, world in ipairs(mm.worlds) do exists[world] = true end
  for world in text:gmatch("[^,]+") do
    if not exists[world] then refuse("no world '%s' (there are: %s)", world, table.concat(mm.worlds, ", ")) end
    exists[world] = nil -- once is enough
    list[#list + 1] = world
  end
  if #list == 0 then refuse("--worlds: a list of names expected, got '%s'", text) end
  return list
end

local function read_seconds(text)
  local seconds = tonumber(text)
  if not seconds or seconds <= 0 then refuse("--timeout: seconds expected, got '%s'", text) end
  return seconds
end

local options = {
  runs = function(plan, text) plan.runs = read_count("runs", text, 1) end,
  warmup = function(plan, text) plan.warmup = read_count("warmup", text, 0) end,
  worlds = function(plan, text) plan.worlds = read_worlds(text) end,
  timeout = function(plan, text) plan.timeout = read_seconds(text) end,
}

-- Takes an option at `index`, as --name value or --name=value; returns the index of what follows.
local function read_option(plan, words, index)
  local word = words[index]
  if word == "--help" or word == "-h" then exit_with(0, io.stdout, USAGE) end
  local name, value = word:match("^%-%-(%a+)=(.*)$")
  local next_index = index + 1
  if not name then
    name, value, next_index = word:match("^%-%-(%a+)$"), words[index + 1], index + 2
  end
  if not options[name or ""] then refuse("unknown option '%s'", word) end
  if not value then refuse("--%s needs a value", name) end
  options[name](plan, value)
  return next_index
end

local function read_plan(words)
  local plan = { runs = 5, warmup = 1, worlds = mm.worlds }
  local index = 1
  while words[index] and words[index]:sub(1, 1) == "-" do index = read_option(plan, words, index) end
  if not words[index] then refuse("no script given") end
  local file, why = io.open(words[index])
  if not file then refuse("cannot open %s", why) end
  file:close()
  plan.command = {}
  for i = index, #words do plan.command[#plan.command + 1] = words[i] end
  return plan
end

-- Measuring --------------------------------------------------------------------------------------------------------

local function run_once(plan, world)
  local argv = { "manymoons", "--world", world }
  for _, word in ipairs(plan.command) do argv[#argv + 1] = word end
  local report, why = mm._private.measure_run({ program = PROGRAM, argv = argv, timeout = plan.timeout })
  if report then return report end
  if why ~= "timeout" then exit_with(1, io.stderr, "manymoons compare: cannot run the program: ", why, "\n") end
  return { timeout = plan.timeout }
end

local function has_failed(report) return report.exitcode ~= 0 end

-- One run in each world; false if one of them failed.
local function run_round(plan, runs, on_run)
  local all_fine = true
  for _, world in ipairs(plan.worlds) do
    on_run(world)
    local report = run_once(plan, world)
    runs[world][#runs[world] + 1] = report
    all_fine = all_fine and not has_failed(report)
  end
  return all_fine
end

local function new_runs(plan)
  local runs = {}
  for _, world in ipairs(plan.worlds) do runs[world] = {} end
  return runs
end

-- The measured runs. A round with a failure is the last: its times mean nothing.
local function measure(plan, on_run)
  local runs = new_runs(plan)
  for round = 1, plan.warmup + plan.runs do
    if round == plan.warmup + 1 then runs = new_runs(plan) end
    if not run_round(plan, runs, function(world) on_run(world, round) end) then break end
  end
  return runs
end

-- Judging ----------------------------------------------------------------------------------------------------------

local function sorted_field(list, field)
  local values = {}
  for i, item in ipairs(list) do values[i] = item[field] end
  table.sort(values)
  return values
end

local function median(sorted)
  local middle = math.floor((#sorted + 1) / 2)
  if #sorted % 2 == 1 then return sorted[middle] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

-- The worlds in which the last round failed, with the reports.
local function find_failures(plan, runs)
  local failures = {}
  for _, world in ipairs(plan.worlds) do
    local last = runs[world][#runs[world]]
    if has_failed(last) then failures[#failures + 1] = { world = world, report = last } end
  end
  return failures
end

local function summarize(plan, runs)
  local rows = {}
  for i, world in ipairs(plan.worlds) do
    local walls, peaks = sorted_field(runs[world], "wall"), sorted_field(runs[world], "peak")
    local row = { world = world, wall = median(walls), least = walls[1], most = walls[#walls] }
    row.cpu = median(sorted_field(runs[world], "cpu"))
    row.peak = peaks[#peaks]
    rows[i] = row
  end
  return rows
end

-- What the others are compared with: serial, or else the first.
local function baseline_of(rows)
  for _, row in ipairs(rows) do
    if row.world == "serial" then return row end
  end
  return rows[1]
end

local function by_speed(rows)
  local order = {}
  for i, row in ipairs(rows) do order[i] = row end
  table.sort(order, function(a, b) return a.wall < b.wall end)
  return order
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

-- The first run that printed something else than the first run of the first world; nil if there is none.
local function find_disagreement(plan, runs)
  local first_world = plan.worlds[1]
  local expected = runs[first_world][1].output
  for _, world in ipairs(plan.worlds) do
    for number, report in ipairs(runs[world]) do
      if report.output ~= expected then
        local line, left, right = first_difference(expected, report.output)
        return { world = world, run = number, first_world = first_world, line = line, left = left, right = right }
      end
    end
  end
  return nil
end

-- Rendering --------------------------------------------------------------------------------------------------------

local function seconds(value)
  if value < 0.1 then return string.format("%.4f", value) end
  return string.format(value < 10 and "%.2f" or "%.1f", value)
end

local function ratio(value) return string.format(value < 10 and "%.2f" or "%.1f", value) end

-- Columns: a title and a function from a row (and the baseline) to text. The first is aligned to the left.
local columns = {
  { "world", function(row) return row.world end },
  { "median s", function(row) return seconds(row.wall) end },
  { "min-max s", function(row) return seconds(row.least) .. "-" .. seconds(row.most) end },
  { "speed-up", function(row, baseline) return ratio(baseline.wall / row.wall) end },
  { "CPU s", function(row) return seconds(row.cpu) end },
  { "cores", function(row) return ratio(row.cpu / row.wall) end },
  { "peak MB", function(row) return string.format("%.1f", row.peak / 1e6) end },
}

local function align(text, width, is_first)
  local padding = (" "):rep(width - #text)
  return is_first and text .. padding or padding .. text
end

local function render_table(rows)
  local baseline = baseline_of(rows)
  local lines = {}
  for line = 0, #rows do lines[line] = {} end
  for i, column in ipairs(columns) do
    local cells, width = { [0] = column[1] }, #column[1]
    for line, row in ipairs(rows) do
      cells[line] = column[2](row, baseline)
      width = math.max(width, #cells[line])
    end
    for line = 0, #rows do lines[line][i] = align(cells[line], width, i == 1) end
  end
  local text = {}
  for line = 0, #rows do text[line + 1] = table.concat(lines[line], "  ") .. "\n" end
  return table.concat(text)
end

local function count_of(count, noun) return count .. " " .. noun .. (count == 1 and "" or "s") end

-- The answer, in one line.
local function render_answer(plan, rows)
  local order, baseline = by_speed(rows), baseline_of(rows)
  local fastest, second = order[1], order[2]
  local runs = count_of(plan.runs, "run") .. " each"
  if not second then
    return string.format("%s takes %s s, %s\n", fastest.world, seconds(fastest.wall), count_of(plan.runs, "run"))
  end
  if fastest ~= baseline then
    return string.format("%s is fastest: %s times %s (%s s against %s s), %s\n", fastest.world,
      ratio(baseline.wall / fastest.wall), baseline.world, seconds(fastest.wall), seconds(baseline.wall), runs)
  end
  return string.format("%s is fastest (%s s); %s comes next and takes %s times as long (%s s), %s\n", fastest.world,
    seconds(fastest.wall), second.world, ratio(second.wall / fastest.wall), seconds(second.wall), runs)
end

-- A warning where the runs do not tell the two fastest apart.
local function render_doubt(rows)
  local order = by_speed(rows)
  local fastest, second = order[1], order[2]
  if not second or second.least > fastest.most then return "" end
  return string.format("%s may be as fast: its runs and those of %s overlap\n", second.world, fastest.world)
end

local function render_line(line)
  if not line then return "(no such line)" end
  local text = line:gsub("%c", function(control) return string.format("\\%d", control:byte()) end)
  return #text > LINE_SHOWN and text:sub(1, LINE_SHOWN) .. "..." or text
end

local function render_disagreement(d)
  local where = string.format("%s (run %d)", d.world, d.run)
  local width = math.max(#where, #d.first_world)
  return string.format("the worlds do not agree: %s printed something else than %s, first in line %d\n", where,
    d.first_world, d.line) .. string.format("  %s  %s\n", align(d.first_world, width, true), render_line(d.left))
    .. string.format("  %s  %s\n", align(where, width, true), render_line(d.right))
end

local function render_failure(failure)
  local report = failure.report
  local how = "exit code " .. tostring(report.exitcode)
  if report.timeout then
    how = "not done after " .. report.timeout .. " s"
  elseif report.exitcode < 0 then
    how = "killed by signal " .. -report.exitcode
  end
  return string.format("the script failed in %s: %s\n", failure.world, how)
end

-- What is going on, for those who watch: on stderr, where that is a terminal.
local function new_progress(plan)
  local is_terminal = os.execute("test -t 2")
  if not is_terminal then return function() end, function() end end
  local function show(world, round)
    local number = round - plan.warmup
    local what = number > 0 and string.format("run %d of %d", number, plan.runs) or "warming up"
    io.stderr:write("\r\27[K", world, ", ", what)
  end
  return show, function() io.stderr:write("\r\27[K") end
end

-- The program --------------------------------------------------------------------------------------------------------

local plan = read_plan({ ... })
local show_progress, hide_progress = new_progress(plan)
local runs = measure(plan, show_progress)
hide_progress()

local failures = find_failures(plan, runs)
for _, failure in ipairs(failures) do io.stdout:write(render_failure(failure)) end
if #failures > 0 then exit_with(1, io.stdout) end

local rows = summarize(plan, runs)
local disagreement = find_disagreement(plan, runs)
if disagreement then exit_with(1, io.stdout, render_disagreement(disagreement), "\n", render_table(rows)) end
exit_with(0, io.stdout, render_answer(plan, rows), render_doubt(rows), "\n", render_table(rows))
