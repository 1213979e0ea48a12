-- SPDX-License-Identifier: MIT
-- The text of manymoons compare: the answer, the table, the failures, and numbers formatted for people.
local require = ...

local judge = require("compare.summary")

local LINE_SHOWN = 100

local text = {}

-- Numbers -------------------------------------------------------------------------------------------------------------

function text.seconds(value)
  if value < 0.1 then return string.format("%.4f", value) end
  return string.format(value < 10 and "%.2f" or "%.1f", value)
end

function text.ratio(value) return string.format(value < 10 and "%.2f" or "%.1f", value) end

function text.percent(share) return string.format("%.0f %%", share * 100) end

function text.megabytes(bytes) return string.format("%.1f", bytes / 1e6) end

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

-- The table -----------------------------------------------------------------------------------------------------------

local function or_dash(value, show) return value and show(value) or "-" end

-- A title, its meaning, and a function from a row to text. The first column is left-aligned. The column "workers" is
-- shown only if the number was varied.
local COLUMNS = {
  { "world", "where the workers live", function(row) return row.world end },
  { "workers", "the number of workers", function(row) return or_dash(row.workers, text.count) end },
  { "median s", "seconds from start to end, median of all runs", function(row)
    return text.seconds(row.wall)
  end },
  { "min-max s", "the fastest and the slowest run", function(row)
    return text.seconds(row.least) .. "-" .. text.seconds(row.most)
  end },
  { "speed-up", "how many times faster than serial", function(row) return text.ratio(row.speedup) end },
  { "CPU s", "processor time of the program and its workers", function(row) return text.seconds(row.cpu) end },
  { "cores", "processors at work, on average", function(row) return text.ratio(row.cores) end },
  { "lock wait", "share of the time that threads wanted to run Lua but waited for the lock", function(row)
    return or_dash(row.lock_share, text.percent)
  end },
  { "peak MB", "the most memory that the program and its workers used together", function(row)
    return text.megabytes(row.peak)
  end },
  { "messages", "values sent through queues, pipes and pools", function(row)
    return or_dash(row.messages, text.count)
  end },
}

-- Titles, explanations, and a list of cells for each row, all as text.
function text.table_of(rows)
  local titles, meanings, lines = {}, {}, {}
  for i in ipairs(rows) do lines[i] = {} end
  for _, column in ipairs(COLUMNS) do
    if column[1] ~= "workers" or rows[1].workers then
      titles[#titles + 1], meanings[#meanings + 1] = column[1], column[2]
      for i, row in ipairs(rows) do lines[i][#lines[i] + 1] = column[3](row) end
    end
  end
  return titles, lines, meanings
end

local function align(cell, width, is_first)
  local padding = (" "):rep(width - #cell)
  return is_first and cell .. padding or padding .. cell
end

function text.table(rows)
  local titles, lines = text.table_of(rows)
  table.insert(lines, 1, titles)
  for i in ipairs(titles) do
    local width = 0
    for _, line in ipairs(lines) do width = math.max(width, #line[i]) end
    for _, line in ipairs(lines) do line[i] = align(line[i], width, i == 1) end
  end
  for i, line in ipairs(lines) do lines[i] = table.concat(line, "  ") .. "\n" end
  return table.concat(lines)
end

-- The answer, in one line ---------------------------------------------------------------------------------------------

function text.answer(plan, rows)
  local order = judge.by_speed(rows)
  local fastest, second = order[1], order[2]
  local baseline, runs = fastest.baseline, text.count_of(plan.runs, "run")
  if not second then return string.format("%s takes %s s, %s", fastest.label, text.seconds(fastest.wall), runs) end
  if fastest ~= baseline then
    return string.format("%s is fastest: %s times %s (%s s against %s s), %s each", fastest.label,
      text.ratio(fastest.speedup), baseline.world, text.seconds(fastest.wall), text.seconds(baseline.wall), runs)
  end
  return string.format("%s is fastest (%s s); %s comes next and takes %s times as long (%s s), %s each", fastest.label,
    text.seconds(fastest.wall), second.label, text.ratio(second.wall / fastest.wall), text.seconds(second.wall), runs)
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
