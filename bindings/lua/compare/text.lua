-- SPDX-License-Identifier: MIT
-- The text of manymoons compare: the answer, the table, notes, the failures, and numbers formatted for people.
--
-- A text that may be painted is a function of a style (terminal/style.lua); without one it is plain.
local require = ...

local style = require("terminal.style")
local length = require("terminal.columns").of

local LINE_SHOWN = 100
local LABELS_SHOWN = 4

local text = {}

-- Numbers -------------------------------------------------------------------------------------------------------------

-- How many digits behind the point tell numbers of this size apart.
local function digits_of(value)
  if value < 0.01 then return 4 end
  if value < 0.1 then return 3 end
  return value < 10 and 2 or 1
end

local function fixed(value, digits) return string.format("%." .. digits .. "f", value) end

function text.seconds(value) return fixed(value, digits_of(value)) end

function text.ratio(value) return fixed(value, value < 10 and 2 or 1) end

function text.percent(share) return string.format("%.0f %%", share * 100) end

-- 1234567 as 1,234,567.
function text.count(number)
  local digits = string.format("%.0f", number)
  local grouped = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (grouped:gsub("^,", ""))
end

function text.bytes(number)
  if number < 1e3 then return string.format("%.0f bytes", number) end
  if number < 1e6 then return string.format("%.1f kB", number / 1e3) end
  return string.format("%.1f MB", number / 1e6)
end

function text.count_of(count, noun) return text.count(count) .. " " .. noun .. (count == 1 and "" or "s") end

local function interval(ratio, low, high)
  local range = low and string.format(" (%s–%s)", text.ratio(low), text.ratio(high)) or ""
  return text.ratio(ratio) .. " ×" .. range
end

function text.factor(ratio) return interval(ratio) end

-- 1.78 × (1.61–1.95): how many times faster than the baseline; without the interval after few runs.
function text.speedup(row) return interval(row.speedup, row.low, row.high) end

-- The table -----------------------------------------------------------------------------------------------------------

local function or_dash(value, show, digits) return value and show(value, digits) or "-" end

local function itself(value) return tostring(value) end

-- title, meaning, value, show: `value` finds a row's number, and `show` is that number as text; a number that is not
-- there is a dash. `digits`: the column has one number of digits behind the point, that of its smallest number; `least`
-- finds that, where it is not `value`. `is_varied`: shown only if the rows have it. The first column is left-aligned.
local function field(name) return function(row) return row[name] end end

local COLUMNS = {
  { title = "world", meaning = "where the workers live", value = field("world"), show = itself },
  { title = "Lua", meaning = "the Lua that ran the script", value = field("lua"), show = itself, is_varied = true },
  { title = "workers", meaning = "the number of workers", value = field("workers"), show = text.count,
    is_varied = true },
  { title = "chunks", meaning = "the number of items in a task", value = field("chunks"), show = itself,
    is_varied = true },
  { title = "median s", meaning = "seconds from start to end, median of all runs", value = field("wall"), show = fixed,
    digits = true },
  { title = "min–max s", meaning = "the fastest and the slowest run", value = itself, digits = true,
    least = field("least"), show_row = function(row, digits)
      return fixed(row.least, digits) .. "–" .. fixed(row.most, digits)
    end },
  { title = "speed-up", meaning = "how many times faster than serial, and the interval in which this ratio lies",
    value = field("speedup"), show_row = text.speedup },
  { title = "path", meaning = "how many times faster than serial on the critical path: if a processor had been free "
    .. "whenever a thread wanted one", value = field("path_speedup"), show = text.factor },
  { title = "CPU s", meaning = "processor time of the program and its workers", value = field("cpu"), show = fixed,
    digits = true },
  { title = "CPU ratio", meaning = "processor time, as a multiple of serial's", value = field("cpu_ratio"),
    show = text.ratio },
  { title = "cores", meaning = "processors at work, on average", value = field("cores"), show = text.ratio },
  { title = "lock wait", meaning = "share of the time that threads wanted to run Lua but waited for the lock",
    value = field("lock_share"), show = text.percent },
  { title = "cpu wait", meaning = "share of the time that threads wanted a processor but had none",
    value = field("cpu_wait"), show = text.percent },
  { title = "peak MB", meaning = "the most memory that the program and its workers used together",
    value = function(row) return row.peak / 1e6 end, show = function(value) return fixed(value, 1) end },
  { title = "messages", meaning = "values sent through queues, pipes and pools", value = field("messages"),
    show = text.count },
}

-- The number of digits for a column.
local function digits_of_column(column, rows)
  local least
  for _, row in ipairs(rows) do
    local value = (column.least or column.value)(row)
    if value and value > 0 and value < (least or math.huge) then least = value end
  end
  return digits_of(least or 1)
end

local function has_value(column, rows)
  for _, row in ipairs(rows) do
    if column.value(row) then return true end
  end
  return false
end

local function show_cell(column, row, digits)
  if column.show_row then return column.show_row(row, digits) end
  return or_dash(column.value(row), column.show, digits)
end

-- Titles, explanations, and a list of cells for each row, all as text.
function text.table_of(rows)
  local titles, meanings, lines = {}, {}, {}
  for i in ipairs(rows) do lines[i] = {} end
  for _, column in ipairs(COLUMNS) do
    if not column.is_varied or has_value(column, rows) then
      local digits = column.digits and digits_of_column(column, rows)
      titles[#titles + 1], meanings[#meanings + 1] = column.title, column.meaning
      for i, row in ipairs(rows) do lines[i][#lines[i] + 1] = show_cell(column, row, digits) end
    end
  end
  return titles, lines, meanings
end

local function align(cell, width, is_first)
  local padding = (" "):rep(width - length(cell))
  return is_first and cell .. padding or padding .. cell
end

-- found: of compare/verdict.lua. The winner is bold, if there is one.
function text.table(rows, found, paint)
  paint = paint or style.plain
  local titles, lines = text.table_of(rows)
  table.insert(lines, 1, titles)
  for i in ipairs(titles) do
    local width = 0
    for _, line in ipairs(lines) do width = math.max(width, length(line[i])) end
    for _, line in ipairs(lines) do line[i] = align(line[i], width, i == 1) end
  end
  for i, line in ipairs(lines) do
    local joined = table.concat(line, "  ")
    if i == 1 then joined = paint.faint(joined) end
    if i > 1 and found.kind == "fastest" and rows[i - 1] == found.best then joined = paint.strong(joined) end
    lines[i] = joined .. "\n"
  end
  return table.concat(lines)
end

-- The answer, in one line ---------------------------------------------------------------------------------------------

-- "a, b and c"; of a long list the first ones.
local function labels_of(rows)
  local labels = {}
  for i, row in ipairs(rows) do
    if i <= LABELS_SHOWN then labels[i] = row.label end
  end
  if #rows > LABELS_SHOWN then labels[#labels + 1] = (#rows - LABELS_SHOWN) .. " more" end
  local last = table.remove(labels)
  return #labels > 0 and table.concat(labels, ", ") .. " and " .. last or last
end

local function has_row(rows, row)
  for _, other in ipairs(rows) do
    if other == row then return true end
  end
  return false
end

-- What the baseline is called beside this row.
local function name_of_baseline(row)
  local baseline = row.baseline
  return baseline.lua ~= row.lua and baseline.world .. " in Lua " .. baseline.lua or baseline.world
end

local function runs_each(found) return text.count_of(#found.best.walls, "run") .. " each" end

local SAY = {}

function SAY.alone(found)
  local best = found.best
  return string.format("%s takes %s s, %s", best.label, text.seconds(best.wall), text.count_of(#best.walls, "run"))
end

function SAY.short(found)
  return string.format("too short to tell: runs of %.0f ms are mostly the start of the program; give it more work",
    found.row.wall * 1000)
end

function SAY.busy(found)
  return string.format("the machine was too busy to tell: threads that wanted a processor had none for %s of the time "
    .. "(%s), %s", text.percent(found.share), found.row.label, runs_each(found))
end

function SAY.idle(found)
  return string.format("no workers ran: this script does all its work itself, so there is nothing to compare (%s s)",
    text.seconds(found.best.wall))
end

function SAY.few(found)
  return string.format("too few runs to tell: %s took the least time (%s s), %s; %s (%s s)", found.best.label,
    text.seconds(found.best.wall), runs_each(found), found.order[2].label .. " came next",
    text.seconds(found.order[2].wall))
end

function SAY.tie(found)
  local best = found.best
  local head = string.format("no world is clearly faster: %s are within %s", labels_of(found.rows),
    text.percent(math.max(found.within, 0.01)))
  if has_row(found.rows, best.baseline) then return head .. ", " .. runs_each(found) end
  return string.format("%s, %s %s, %s", head, text.speedup(best), name_of_baseline(best), runs_each(found))
end

function SAY.fastest(found)
  local best, second = found.best, found.second
  local baseline = best.baseline
  if best ~= baseline then
    return string.format("%s is fastest: %s %s (%s s against %s s), %s", best.label, text.speedup(best),
      name_of_baseline(best), text.seconds(best.wall), text.seconds(baseline.wall), runs_each(found))
  end
  return string.format("%s is fastest (%s s); %s comes next and takes %s times as long (%s s), %s", best.label,
    text.seconds(best.wall), second.label, text.ratio(second.wall / best.wall), text.seconds(second.wall),
    runs_each(found))
end

-- found: of compare/verdict.lua
function text.answer(found) return SAY[found.kind](found) end

-- Notes ---------------------------------------------------------------------------------------------------------------

local PATH_LEAST = 0.03 -- seconds: of a shorter path the start of the program is the most
local PATH_GAIN = 1.05

local function note_path(found)
  local best
  for _, row in ipairs(found.order) do
    if row ~= row.baseline and (row.path_speedup or 0) > (best and best.path_speedup or 0) then best = row end
  end
  if not best or found.kind ~= "busy" or best.baseline.path < PATH_LEAST then return nil end
  if best.path_speedup < PATH_GAIN then
    return "on the critical path, which a busy machine moves little, no world is faster than " .. name_of_baseline(best)
  end
  return string.format("on the critical path, which a busy machine moves little, %s is %s × %s; it takes %s × the "
    .. "processor time", best.label, text.ratio(best.path_speedup), name_of_baseline(best), text.ratio(best.cpu_ratio))
end

local function note_alone(found)
  local share = found.kind == "alone" and found.best.cpu_wait_others or 0
  if share <= 0.1 then return nil end
  return string.format("the machine was busy: threads that wanted a processor had none for %s of the time",
    text.percent(share))
end

local function note_processors(_, machine)
  if machine.usable ~= 1 then return nil end
  return "this program may use one processor: no world can compute faster than serial here, waits can overlap"
end

local function note_governor(_, machine)
  if not machine.governor or machine.governor == "performance" then return nil end
  return string.format("the clock rate of the processors changes (governor '%s'): ratios between worlds that use one "
    .. "processor and those that use many are too small", machine.governor)
end

local function note_outliers(found)
  local worst
  for _, row in ipairs(found.order) do
    if #row.outliers > (worst and #worst.outliers or 0) then worst = row end
  end
  if not worst then return nil end
  return string.format("%s of %s of %s: far from its median of %s s (%s s)",
    text.count_of(#worst.outliers, "outlier"), text.count_of(#worst.walls, "run"), worst.label,
    text.seconds(worst.wall), text.seconds(math.max((table.unpack or unpack)(worst.outliers))))
end

local function note_throttling(found)
  local seconds = 0
  for _, row in ipairs(found.order) do seconds = seconds + (row.throttled or 0) end
  if seconds < 0.01 then return nil end
  return string.format("the quota of the control group stopped threads for %s s in all: more workers than it allows "
    .. "bring nothing", text.seconds(seconds))
end

-- Facts beside the answer: a list of lines. machine: { usable = processors, governor }
function text.notes(found, machine)
  local lines = {}
  for _, note in ipairs({ note_path, note_alone, note_processors, note_governor, note_throttling, note_outliers }) do
    lines[#lines + 1] = note(found, machine)
  end
  return lines
end

-- Failures ------------------------------------------------------------------------------------------------------------

local function show_line(line)
  if not line then return "(no such line)" end
  local shown = line:gsub("%c", function(control) return string.format("\\%d", control:byte()) end)
  return #shown > LINE_SHOWN and shown:sub(1, LINE_SHOWN) .. "..." or shown
end

function text.disagreement(d)
  local where = string.format("%s (run %d)", d.label, d.run)
  local width = math.max(#where, #d.first_label)
  return string.format("the outputs differ: %s does not print the same as %s, first in line %d\n", where,
    d.first_label, d.line) .. string.format("  %s  %s\n", align(d.first_label, width, true), show_line(d.left))
    .. string.format("  %s  %s\n", align(where, width, true), show_line(d.right))
end

function text.failure(failure)
  local report = failure.report
  local how = "exit code " .. tostring(report.exitcode)
  if report.timeout then
    how = "not done after " .. report.timeout .. " s"
  elseif report.exitcode < 0 then
    how = "killed by signal " .. -report.exitcode
  end
  return string.format("the script failed in %s: %s\n", failure.label, how)
end

return text
