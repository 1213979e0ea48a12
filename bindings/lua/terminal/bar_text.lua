-- SPDX-License-Identifier: MIT
-- The texts of a progress bar: a line for a terminal, cut to its width, and one for a file.
--
--   squares:  37 % [######            ] 37/100  2 failed  12.3/s  3 s, 5 s left  workers 98 % busy
local require = ...

local width = require("terminal.columns")

local width_of, cut = width.of, width.cut

local bar_text = {}

-- Columns of a bar, which stay the same while the texts grow: a quarter of the terminal.
local BAR_LEAST, BAR_MOST, BAR_SHARE = 10, 40, 4

local function in_words(seconds)
  if seconds < 0.095 then return string.format("%.2f s", seconds) end
  if seconds < 9.95 then return string.format("%.1f s", seconds) end
  if seconds < 60 then return string.format("%.0f s", seconds) end
  if seconds < 3600 then return string.format("%d min %02d s", math.floor(seconds / 60), math.floor(seconds % 60)) end
  return string.format("%d h %02d min", math.floor(seconds / 3600), math.floor(seconds % 3600 / 60))
end

local function rate_in_words(rate)
  if rate >= 1e6 then return string.format("%.1f M/s", rate / 1e6) end
  if rate >= 1e3 then return string.format("%.1f k/s", rate / 1e3) end
  if rate >= 1 then return string.format("%.1f/s", rate) end
  return in_words(1 / rate) .. " each"
end

-- A total that has been exceeded was wrong.
local function total_of(bar) return bar.total and bar.done <= bar.total and bar.total or nil end

local function count_text(bar)
  local total = total_of(bar)
  return total and string.format("%.0f/%.0f", bar.done, total) or string.format("%.0f", bar.done)
end

local function time_text(bar, now)
  local passed = in_words(now - bar.begun)
  if bar.state == "stopped" then return "stopped after " .. passed end
  if bar.state then return "in " .. passed end
  local total, rate = total_of(bar), bar:rate(now)
  if not total or not rate then return passed end
  return passed .. ", " .. in_words((total - bar.done) / rate) .. " left"
end

-- The parts of a line behind the bar, in order: { text, rank }. Where there is no room, the highest rank goes first.
local function parts_of(bar, now)
  local rate = bar:rate(now)
  local list = { { text = count_text(bar), rank = 0 } }
  local function add(text, rank, paint) list[#list + 1] = { text = text, rank = rank, paint = paint } end
  if bar.failed > 0 then add(bar.failed .. " failed", 1, "wrong") end
  if bar.cancelled > 0 then add(bar.cancelled .. " cancelled", 2, "doubt") end
  if rate then add(rate_in_words(rate), 5) end
  add(time_text(bar, now), 4, bar.state == "stopped" and "doubt" or nil)
  local more = bar.facts and bar.facts(now)
  if more then add(more, 6, "faint") end
  return list
end

local function length_of(list)
  local length = 0
  for _, part in ipairs(list) do length = length + width_of(part.text) + 2 end
  return length - 2
end

-- Drops the part with the highest rank; false if there is none that may go.
local function drop_one(list)
  local worst = 1
  for i, part in ipairs(list) do
    if part.rank > list[worst].rank then worst = i end
  end
  if list[worst].rank == 0 then return false end
  table.remove(list, worst)
  return true
end

local function join(list, style)
  local texts = {}
  for i, part in ipairs(list) do texts[i] = part.paint and style[part.paint](part.text) or part.text end
  return table.concat(texts, "  ")
end

local function drawn_bar(bar, columns)
  local total = total_of(bar)
  local share = total > 0 and bar.done / total or 1
  local filled = math.floor(columns * share)
  return string.format("%3.0f %% [%s%s]", math.floor(100 * share), string.rep("#", filled),
    string.rep(" ", columns - filled))
end

local function paint_of(bar)
  if bar.state == "stopped" then return "doubt" end
  if bar.state and bar.failed == 0 then return "good" end
end

-- A line of at most so many columns.
function bar_text.line(bar, now, columns, style)
  local list = parts_of(bar, now)
  local label = bar.label and cut(bar.label, math.floor(columns / 2)) .. ": " or ""
  local around = width_of(label) + #"100 % [] "
  local has_bar = total_of(bar) ~= nil
  local wanted = math.max(BAR_LEAST, math.min(BAR_MOST, math.floor(columns / BAR_SHARE)))
  while has_bar and columns - length_of(list) - around < wanted do
    if not drop_one(list) then has_bar = false end
  end
  if not has_bar then
    while length_of(list) + width_of(label) > columns and drop_one(list) do end
    if length_of(list) + width_of(label) > columns then return cut(list[1].text, columns) end
    return label .. join(list, style)
  end
  local paint, drawn = paint_of(bar), drawn_bar(bar, wanted)
  return label .. (paint and style[paint](drawn) or drawn) .. " " .. join(list, style)
end

-- A line for a file.
function bar_text.plain(bar, now)
  local texts = {}
  for i, part in ipairs(parts_of(bar, now)) do texts[i] = part.text end
  return (bar.label or bar.name) .. ": " .. table.concat(texts, "  ")
end

return bar_text
