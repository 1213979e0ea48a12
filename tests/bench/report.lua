-- SPDX-License-Identifier: MIT
-- The report, as Markdown with padded columns, which can be read on a terminal as well.
--
-- A measured row is one of rows.lua whose contenders have `runs` (the figures, in order) and `one_core` (the same, on
-- one core). Both are empty for a contender that failed or that the machine does not have.
local report = {}

local DASH = "–"

-- Figures ----------------------------------------------------------------------------------------------------------

local function median(list)
  if #list == 0 then return nil end
  local sorted = {}
  for i, value in ipairs(list) do sorted[i] = value end
  table.sort(sorted)
  local middle = math.floor(#sorted / 2)
  if #sorted % 2 == 1 then return sorted[middle + 1] end
  return (sorted[middle] + sorted[middle + 1]) / 2
end

-- Three significant digits, and no exponent.
local function number(value)
  if not value then return DASH end
  if value == 0 then return "0" end
  local decimals = 2 - math.floor(math.log(math.abs(value)) / math.log(10))
  return ("%%.%df"):format(math.max(0, math.min(decimals, 6))):format(value)
end

local function spread(list)
  if #list == 0 then return DASH end
  return number(math.min((table.unpack or unpack)(list))) .. "-" .. number(math.max((table.unpack or unpack)(list)))
end

local function find_contender(row, name)
  for _, contender in ipairs(row.contenders) do
    if contender.name == name then return contender end
  end
  error("no contender '" .. name .. "' in row " .. row.name)
end

-- How many times as good as `other`; nil if one of them is missing.
local function times_as_good(row, value, other)
  if not value or not other then return nil end
  return row.better == "more" and value / other or other / value
end

-- The best of a side, and its figure; nil if there is none.
local function find_best(row, is_candidate)
  local best, best_value
  for _, contender in ipairs(row.contenders) do
    local value = is_candidate(contender) and median(contender.runs)
    if value and (not best or times_as_good(row, value, best_value) > 1) then best, best_value = contender, value end
  end
  return best, best_value
end

local function is_peer(contender) return contender.side == "peer" end

-- Targets ----------------------------------------------------------------------------------------------------------

local function target_text(row, target)
  if not target then return DASH end
  local sign, bound = target.least and ">=" or "<=", target.least or target.most
  if target.of then return ("%s %s x %s"):format(sign, bound, target.of:gsub("^manymoons %a+ ", "")) end
  return ("%s %s %s"):format(sign, bound, row.unit)
end

-- As a multiple of the other one's: the median of the pairs of runs that followed each other, which a change in the
-- load of the machine moves alike.
local function paired_ratio(runs, others)
  local ratios = {}
  for i = 1, math.min(#runs, #others) do ratios[i] = runs[i] / others[i] end
  return median(ratios)
end

-- "met", "missed", or a dash if there is no target or no figure; with the multiple, if it is one.
local function verdict(row, contender)
  local target = contender.target
  if not target then return DASH end
  local other = target.of and find_contender(row, target.of)
  local value = other and paired_ratio(contender.runs, other.runs) or not other and median(contender.runs)
  if not value then return DASH end
  local is_met = target.least and value >= target.least or target.most and value <= target.most
  return (is_met and "met" or "missed") .. (other and (" (%.3f)"):format(value) or "")
end

-- Tables -----------------------------------------------------------------------------------------------------------

-- Characters, not bytes: continuation bytes of UTF-8 take no room.
local function width(text) return #text:gsub("[\128-\191]", "") end

-- Lines of a Markdown table; the first column is left-aligned, the others right-aligned.
local function format_table(lines)
  local widths = {}
  for _, line in ipairs(lines) do
    for i, cell in ipairs(line) do widths[i] = math.max(widths[i] or 3, width(cell)) end
  end
  local out = {}
  for n, line in ipairs(lines) do
    local cells, rules = {}, {}
    for i, cell in ipairs(line) do
      local padding = (" "):rep(widths[i] - width(cell))
      cells[i] = i == 1 and cell .. padding or padding .. cell
      rules[i] = i == 1 and ("-"):rep(widths[i]) or ("-"):rep(widths[i] - 1) .. ":"
    end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
    if n == 1 then out[#out + 1] = "| " .. table.concat(rules, " | ") .. " |" end
  end
  return table.concat(out, "\n") .. "\n"
end

local function row_header(row)
  local header = { "", row.unit, "min-max" }
  if row.one_core then header[#header + 1] = "one core, " .. row.one_core.unit end
  header[#header + 1] = "times the best peer"
  header[#header + 1] = "target"
  header[#header + 1] = ""
  return header
end

local function contender_line(row, contender, best_value)
  local value = median(contender.runs)
  local line = { contender.name, number(value), spread(contender.runs) }
  if row.one_core then line[#line + 1] = number(median(contender.one_core)) end
  line[#line + 1] = contender.side == "ours" and number(times_as_good(row, value, best_value)) or DASH
  line[#line + 1] = target_text(row, contender.target)
  line[#line + 1] = verdict(row, contender)
  return line
end

-- What the row met, if that is known.
local function surroundings_text(row)
  if not row.others then return "" end
  return (" Between its runs other programs used up to %.0f %% of the processors; the hypervisor took %.0f %%."):format(
    row.others * 100, row.stolen * 100)
end

-- A section: heading, table, note.
function report.row(row)
  local _, best_value = find_best(row, is_peer)
  local lines = { row_header(row) }
  for _, contender in ipairs(row.contenders) do lines[#lines + 1] = contender_line(row, contender, best_value) end
  local head = ("## %s\n\n`%s`; %s is better.%s%s\n\n"):format(row.title, row.name, row.better,
    row.note and " " .. row.note or "", surroundings_text(row))
  return head .. format_table(lines)
end

-- The contender that represents a world in the summary: the first one with a target, or else the first one.
local function find_champion(row, world)
  local first
  for _, contender in ipairs(row.contenders) do
    if contender.world == world then
      if contender.target then return contender end
      first = first or contender
    end
  end
  return first
end

local function summary_line(row)
  local best, best_value = find_best(row, is_peer)
  local line, target, verdicts = { row.title .. ", " .. row.unit }, nil, {}
  for _, world in ipairs{ "interpreters", "processes" } do
    local champion = find_champion(row, world)
    local value = champion and median(champion.runs)
    line[#line + 1] = number(value)
    line[#line + 1] = number(times_as_good(row, value, best_value))
    target = target or champion and champion.target
    if champion and champion.target then verdicts[#verdicts + 1] = verdict(row, champion) end
  end
  line[#line + 1] = best and ("%s (%s)"):format(number(best_value), best.name) or DASH
  line[#line + 1] = target_text(row, target)
  if verdicts[1] == verdicts[2] then verdicts[2] = nil end
  line[#line + 1] = #verdicts > 0 and table.concat(verdicts, ", ") or DASH
  return line
end

-- All rows, a line each.
function report.summary(rows)
  local lines = { { "", "interpreters", "times best peer", "processes", "times best peer", "best peer", "target", "" } }
  for _, row in ipairs(rows) do lines[#lines + 1] = summary_line(row) end
  return "## Summary\n\n" .. format_table(lines)
end

-- Two checkouts --------------------------------------------------------------------------------------------------

local function width_of(list) return math.max(table.unpack(list)) - math.min(table.unpack(list)) end

-- "better" or "worse" where the ranges of the two do not meet, or else "=".
local function change(row, before, after)
  local low, high = math.min(table.unpack(before.runs)), math.max(table.unpack(before.runs))
  local more = math.min(table.unpack(after.runs)) > high
  if not more and math.max(table.unpack(after.runs)) >= low then return "=" end
  return more == (row.better == "more") and "better" or "worse"
end

local function comparison_line(row, before, after)
  local were, are = median(before.runs), median(after.runs)
  local name = ("%s: %s, %s"):format(row.name, after.name:gsub("%s+$", ""), row.unit)
  local sign = were and are and change(row, before, after) or DASH
  return { name, number(were), spread(before.runs), number(are), spread(after.runs),
    number(times_as_good(row, are, were)), sign }
end

-- The rows that have become worse than the page's figures by more than both spreads, a line each.
function report.regressions(rows, figures)
  local lines = { { "", "page", "min-max", "now", "min-max", "times as good", "" } }
  for _, row in ipairs(rows) do
    for _, contender in ipairs(row.contenders) do
      local was = figures[row.name] and figures[row.name][contender.name:gsub("%s+$", "")]
      local before = was and { runs = was }
      if before and #contender.runs > 0 and change(row, before, contender) == "worse"
        and math.abs(was[1] - median(contender.runs)) > width_of(was) + width_of(contender.runs) then
        lines[#lines + 1] = comparison_line(row, before, contender)
      end
    end
  end
  if #lines > 1 then return format_table(lines) end
  return ("none of %d rows is worse than the page's by more than both spreads\n"):format(#rows)
end

-- A line for each pair of contenders of the rows: the program of the other checkout, and ours.
function report.comparison(rows)
  local lines = { { "", "before", "min-max", "now", "min-max", "times as good", "" } }
  for _, row in ipairs(rows) do
    for i = 1, #row.contenders, 2 do
      lines[#lines + 1] = comparison_line(row, row.contenders[i], row.contenders[i + 1])
    end
  end
  return format_table(lines)
end

return report
