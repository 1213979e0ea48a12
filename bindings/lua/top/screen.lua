-- SPDX-License-Identifier: MIT
-- A terminal as one page of text that is drawn again and again, and its keys. Ctrl-C is a key like others, so that the
-- terminal is always restored.
local require, native = ...

local waits = require("core.waits")

local screen = {}

local ENTER_PAGE, LEAVE_PAGE = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l"
-- Seconds in which the rest of a key's sequence comes.
local SEQUENCE = 0.05

local ARROWS = { ["[A"] = "up", ["[B"] = "down", ["OA"] = "up", ["OB"] = "down" }
local NAMES = { ["\r"] = "enter", ["\n"] = "enter", ["\3"] = "q", ["\4"] = "q", ["\127"] = "back", ["\8"] = "back" }

function screen.is_there() return native.is_terminal(0) and native.is_terminal(1) end

-- Rows and columns.
function screen.size()
  local columns, rows = native.terminal_size(1)
  return rows or 24, columns or 80
end

function screen.enter()
  os.execute("stty -icanon -echo -isig </dev/tty")
  io.stdout:setvbuf("full")
  io.stdin:setvbuf("no")
  io.stdout:write(ENTER_PAGE)
end

function screen.leave()
  io.stdout:write(LEAVE_PAGE)
  io.stdout:flush()
  os.execute("stty sane </dev/tty")
end

-- Draws lines, which fit, from the top, and at the foot what foot(columns) returns. Lines that find no room are counted
-- there.
function screen.draw(lines, foot)
  local rows, columns = screen.size()
  local out = { "\27[H" }
  local room = rows - 2
  for i = 1, math.min(#lines, room) do out[#out + 1] = lines[i] .. "\27[K\r\n" end
  local more = #lines > room and ("%d more lines  "):format(#lines - room) or ""
  out[#out + 1] = "\27[J\27[" .. rows .. ";1H" .. more .. foot(columns - #more) .. "\27[K"
  io.stdout:write(table.concat(out))
  io.stdout:flush()
end

local function next_byte(seconds)
  if not waits.any({ 0 }, seconds)[1] then return nil end
  return io.stdin:read(1) or "\4"
end

-- The key that is pressed within so many seconds: a character, or "up", "down", "enter", "back"; nil: none.
function screen.key(seconds)
  local byte = next_byte(seconds)
  if byte ~= "\27" then return NAMES[byte] or byte end
  local first = next_byte(SEQUENCE)
  if not first then return "back" end
  return ARROWS[first .. (next_byte(SEQUENCE) or "")]
end

return screen
