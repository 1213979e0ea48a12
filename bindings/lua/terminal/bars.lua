-- SPDX-License-Identifier: MIT
-- Progress bars: on a terminal a line at its foot, drawn ten times a second while the VM waits and as its count grows;
-- elsewhere a line every half minute. Both are on stderr.
--
-- The bars of the program, in whichever process, share the rows at the foot of the terminal (terminal/terminal_rows.h).
-- The terminal itself keeps all other text above them: its margins end where the bars begin. So print, io.write,
-- workers, C libraries and other programs write as ever, and no line is torn. Each drawing saves the cursor, sets the
-- margins, which a terminal forgets when its size changes, draws, and restores the cursor, in one piece of output.
--
-- A bar that ends leaves its last line in the text, unless it stood within another one, or there were no items.
local require, native = ...

local bar_text = require("terminal.bar_text")
local diagnostics = require("core.diagnostics")
local finalizers = require("core.finalizers")
local identity = require("core.identity")
local maintenance = require("core.maintenance")
local styles = require("terminal.style")

local DRAW_EVERY, LINE_EVERY = 0.1, 30
-- Seconds over which the rate is smoothed; or so many times the age of the last count.
local SMOOTH, SMOOTH_COUNTS = 5, 3

local SAVE, RESTORE = "\0277", "\r\0278"
local WHOLE_SCREEN, CLEAR_BELOW, CLEAR_LINE = "\27[r", "\27[J", "\27[2K"
local NO_WRAP, WRAP = "\27[?7l", "\27[?7h"
local DOWN = "\27D" -- as a line feed, in the same column

local bars = {}

local Bar = {}
Bar.__index = Bar

-- By number, as values: an owner that is collected takes its bar with it, and the bar's guard clears its row.
local open, last = setmetatable({}, { __mode = "v" }), 0
-- Of the last drawing.
local drawn = { at = -math.huge }

-- The terminal -----------------------------------------------------------------------------------------

local function all_open()
  local list = {}
  for _, bar in pairs(open) do list[#list + 1] = bar end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

-- How many rows the bars have now, and had before; at most half of the terminal.
local function reserve(rows)
  local reserved, before = native.bar_rows_reserve()
  local most = math.floor(rows / 2)
  return math.min(reserved, most), math.min(before, most)
end

-- Moves the text up where the bars have fewer rows than they need, or the terminal has another size than before.
local function make_room(columns, rows, reserved, before)
  local has_changed = drawn.rows ~= nil and (drawn.rows ~= rows or drawn.columns ~= columns)
  drawn.columns, drawn.rows = columns, rows
  if reserved <= before and not has_changed then return "" end
  return SAVE .. WHOLE_SCREEN .. RESTORE .. (has_changed and CLEAR_BELOW or "") .. DOWN:rep(reserved)
    .. "\27[" .. reserved .. "A"
end

local function place_of(rows, reserved, row) return "\27[" .. rows - reserved + 1 + row .. ";1H" end

-- Draws those of the list that have a row, or get one.
local function draw(list, now)
  local columns, rows = native.terminal_size()
  if not columns then return end
  for _, bar in ipairs(list) do bar.place.row = bar.place.row or native.bar_row_take() end
  local reserved, before = reserve(rows)
  local text = { make_room(columns, rows, reserved, before), SAVE, "\27[1;", rows - reserved, "r" }
  for _, bar in ipairs(list) do
    local row = bar.place.row
    if row and row < reserved then
      text[#text + 1] = place_of(rows, reserved, row) .. CLEAR_LINE .. NO_WRAP
        .. bar_text.line(bar, now, columns - 1, styles.of(2)) .. WRAP
    end
  end
  text[#text + 1] = RESTORE
  native.terminal_write(table.concat(text))
end

-- Gives a row back: clears it, and gives all of the terminal to the text if it was the last one.
local function clear(place)
  local row = place.row
  local columns, rows = native.terminal_size()
  if not row or not columns then return end
  local reserved = reserve(rows)
  place.row = nil
  native.bar_row_give(row)
  if reserve(rows) == 0 then
    native.terminal_write(SAVE .. WHOLE_SCREEN .. RESTORE .. CLEAR_BELOW)
  elseif row < reserved then
    native.terminal_write(SAVE .. place_of(rows, reserved, row) .. CLEAR_LINE .. RESTORE)
  end
end

-- A line of text behind what the script wrote, at the left margin: blanks up to the last column go to the next line
-- unless the cursor stood in the first one.
local function write_line(text, columns)
  if io.stdout then io.stdout:flush() end
  native.terminal_write((" "):rep(columns - 1) .. "\r" .. text .. "\27[K\n")
end

-- Drawing when it is due -------------------------------------------------------------------------------

local function write_plain(bar, now)
  bar.shown = now
  diagnostics.write(bar_text.plain(bar, now) .. "\n")
end

local function redraw(now)
  drawn.at = now
  local list = {}
  for _, bar in ipairs(all_open()) do
    if bar.is_on_terminal then
      list[#list + 1] = bar
    elseif now - bar.shown >= LINE_EVERY then
      write_plain(bar, now)
    end
  end
  if #list > 0 then draw(list, now) end
end

local function redraw_if_due()
  local now = native.time()
  if now - drawn.at >= DRAW_EVERY then redraw(now) end
  if next(open) == nil then maintenance.set("bars", nil) end
end

-- Counting ---------------------------------------------------------------------------------------------

-- Notes how fast the count grew since it last did.
local function note_rate(bar, now)
  local passed, grown = now - bar.counted_at, bar.done - bar.counted
  if grown <= 0 or passed < DRAW_EVERY then return end
  local share = 1 - math.exp(-passed / math.max(SMOOTH, SMOOTH_COUNTS * passed))
  bar.rates = bar.rates * (1 - share) + share * grown / passed
  bar.weight = bar.weight * (1 - share) + share
  bar.counted, bar.counted_at = bar.done, now
end

-- Items a second: lately, or in all once the bar has ended; nil: not known yet.
function Bar:rate(now)
  if self.state or self.weight == 0 then
    return self.done > 0 and self.done / math.max(now - self.begun, 1e-9) or nil
  end
  return self.rates / self.weight
end

-- done: how many items have ended, those that failed among them; cancelled ones are counted apart.
function Bar:update(done, failed, cancelled)
  self.done, self.failed, self.cancelled = done, failed or 0, cancelled or 0
  local now = native.time()
  note_rate(self, now)
  if now - drawn.at >= DRAW_EVERY then redraw(now) end
end

-- state: "done" or "stopped". A second call does nothing.
function Bar:close(state)
  if self.state then return end
  self.state = state
  open[self.number] = nil
  self.guard.disarm()
  local now = native.time()
  if not self.is_on_terminal then
    if self.leaves_line then write_plain(self, now) end
    return
  end
  if self.leaves_line or now - drawn.at >= DRAW_EVERY then draw({ self }, now) end
  clear(self.place)
  local columns = native.terminal_size()
  if columns and self.leaves_line then
    write_line(bar_text.line(self, now, columns - 1, styles.of(2)), columns)
  end
end

-- Whether a bar stands within another one: one that the caller has open, or one of the worker's program.
local function is_within(bar)
  for _, other in pairs(open) do
    if other.context == bar.context then return true end
  end
  return identity.parent() ~= nil and (bar.place.row or 0) > 0
end

-- options: total (nil: not known); label (nil: none); name, for lines without a label; facts(now) → a further text.
function bars.open(options)
  local now, place = native.time(), {}
  local bar = setmetatable({
    total = options.total, label = options.label and native.printable(options.label), facts = options.facts,
    name = native.printable(options.name), done = 0, failed = 0, cancelled = 0, begun = now, shown = now, place = place,
    rates = 0, weight = 0, counted = 0, counted_at = now, is_on_terminal = native.terminal_size() ~= nil,
    context = identity.execution_context() or false,
  }, Bar)
  bar.guard = finalizers.on_collection(function() clear(place) end)
  if bar.is_on_terminal then place.row = native.bar_row_take() end
  bar.leaves_line = bar.total ~= 0 and not is_within(bar)
  last = last + 1
  bar.number = last
  open[last] = bar
  maintenance.set("bars", redraw_if_due)
  if bar.is_on_terminal and (bar.leaves_line or now - drawn.at >= DRAW_EVERY) then redraw(now) end
  return bar
end

-- The VM ends.
function bars.close_all()
  for _, bar in ipairs(all_open()) do bar:close("stopped") end
end

-- The bars belong to the parent.
function bars.after_fork()
  if next(open) then open, drawn = setmetatable({}, { __mode = "v" }), { at = -math.huge } end
end

return bars
