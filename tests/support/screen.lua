-- SPDX-License-Identifier: MIT
-- What a terminal shows. Usage: lua5.4 screen.lua ROWS COLUMNS < what was written to it
--
-- Prints the lines that went out at the top, then those of the screen, without blank ones at the end; then, behind a
-- line `margins FIRST LAST`, whether the margins are the whole screen. Knows what progress bars and `top` write; any
-- other sequence is an error.
local ROWS, COLUMNS = math.tointeger(arg[1]), math.tointeger(arg[2])

local history, screen = {}, {}
local row, column = 1, 1 -- column COLUMNS + 1: the last one is written, and the next character goes to the next line
local first, last = 1, ROWS
local saved = { row = 1, column = 1 }
local wraps = true

local function blank_line()
  local line = {}
  for i = 1, COLUMNS do line[i] = " " end
  return line
end
local function blank_screen()
  for i = 1, ROWS do screen[i] = blank_line() end
end
blank_screen()

local function text_of(line) return (table.concat(line):gsub("%s+$", "")) end

local function index()
  if row ~= last then
    row = math.min(row + 1, ROWS)
    return
  end
  local gone = table.remove(screen, first)
  if first == 1 then history[#history + 1] = text_of(gone) end
  table.insert(screen, last, blank_line())
end

local function erase(line, from, to)
  for i = from, to do screen[line][i] = " " end
end

local function erase_below()
  erase(row, math.min(column, COLUMNS), COLUMNS)
  for i = row + 1, ROWS do erase(i, 1, COLUMNS) end
end

local function put(character)
  if column > COLUMNS then
    if wraps then
      index()
      column = 1
    else
      column = COLUMNS
    end
  end
  screen[row][column] = character
  column = column + 1
end

local function numbers(text, default)
  local list = {}
  for number in text:gmatch("%d+") do list[#list + 1] = math.tointeger(number) end
  return list[1] or default, list[2]
end

local controls = {
  A = function(text) row = math.max(row - numbers(text, 1), first) end,
  B = function(text) row = math.min(row + numbers(text, 1), last) end,
  C = function(text) column = math.min(column + numbers(text, 1), COLUMNS) end,
  H = function(text)
    local to_row, to_column = numbers(text, 1)
    row, column = math.min(to_row, ROWS), math.min(to_column or 1, COLUMNS)
  end,
  J = function() erase_below() end,
  K = function(text)
    local how = numbers(text, 0)
    erase(row, how == 0 and math.min(column, COLUMNS) or 1, COLUMNS)
  end,
  r = function(text)
    local from, to = numbers(text, 1)
    first, last = from, math.min(to or ROWS, ROWS)
    row, column = 1, 1
  end,
  m = function() end,
  h = function(text)
    if text == "?7" then wraps = true end
    if text == "?1049" then blank_screen() end
  end,
  l = function(text)
    if text == "?7" then wraps = false end
    if text == "?1049" then blank_screen() end
  end,
}

local escapes = {
  ["7"] = function() saved = { row = row, column = column } end,
  ["8"] = function() row, column = saved.row, saved.column end,
  D = index,
}

local function feed(text)
  local at = 1
  while at <= #text do
    local parameters, final, after = text:match("^\27%[([%d;?]*)([%a@])()", at)
    local escape, behind = text:match("^\27([78D])()", at)
    local character, next_at = text:match("^(" .. utf8.charpattern .. ")()", at)
    if parameters then
      local control = controls[final] or error("screen.lua: an unknown sequence: ESC [" .. parameters .. final)
      control(parameters)
      at = after
    elseif escape then
      escapes[escape]()
      at = behind
    elseif character == "\r" then
      column, at = 1, next_at
    elseif character == "\n" then
      index()
      at = next_at
    elseif character == "\t" then
      column, at = math.min((column - 1) // 8 * 8 + 9, COLUMNS), next_at
    elseif character:byte() < 32 then
      error(("screen.lua: an unknown character: %q"):format(character))
    else
      put(character)
      at = next_at
    end
  end
end

-- `script` may have stopped writing in the middle of a sequence.
feed((io.read("a"):gsub("\27%[?[%d;?]*$", "")))

local lines = {}
for _, line in ipairs(history) do lines[#lines + 1] = line end
for _, line in ipairs(screen) do lines[#lines + 1] = text_of(line) end
while lines[#lines] == "" do lines[#lines] = nil end
print(table.concat(lines, "\n"))
print(("margins %d %d"):format(first, last))
