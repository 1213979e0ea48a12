-- SPDX-License-Identifier: MIT
-- The commands of the program and their options, as `manymoons --help` and the --help of each command say them: from
-- that one table the program itself knows which options a command has, and from it come the manuals and the completions
-- of shells.
--
-- commands.read(program) → a list; the first one is the program itself, with the name "":
--
--   name, summary   what the program's help says in a line
--   usage           its lines, without "manymoons"
--   text, rest      lists of lines above and below the options
--   options         { names = { "-o" }, value = "FILE" or nil, text = }
--
-- Its field `help` is the summary of `manymoons help COMMAND`, which has no options and no manual.
local lines_of = dofile("tests/support/files.lua").lines_of

local commands = {}

local function append(text, more) return text == "" and more or text .. " " .. more end

-- "  -l NAME=MODULE   require…", "  -v, --version   print…": names, behind one space the value, and the text.
local function read_option(line)
  local option, rest = { names = {} }, line:sub(3)
  repeat
    local name, comma, after = rest:match("^(%-[^%s,]*)(,? ?)(.*)$")
    table.insert(option.names, name)
    rest = comma == "" and "" or after
  until comma ~= ", "
  local value, text = rest:match("^([%u%d]%S*)%s*(.*)$")
  local is_value = value and line:find("%-%S* " .. value:gsub("%p", "%%%0"))
  option.value, option.text = is_value and value or nil, is_value and text or rest:match("^%s*(.*)$")
  return option
end

-- The lines of the usage, and in the program's own help below each a summary that stands deeper.
local function read_usage(lines, i, command)
  command.usage, command.summaries = {}, {}
  while lines[i] and (i == 1 or lines[i]:find("^       ")) do
    local words = lines[i]:match("^usage: manymoons ?(.*)$") or lines[i]:match("^       manymoons ?(.*)$")
    local count = #command.usage
    if words then
      command.usage[count + 1] = words
    else
      command.summaries[count] = append(command.summaries[count] or "", lines[i]:match("^%s*(.*)$"))
    end
    i = i + 1
  end
  return i
end

local function read_help(lines, name)
  local command = { name = name, text = {}, options = {}, rest = {} }
  local i, last = read_usage(lines, 1, command), nil
  for k = i, #lines do
    local line = lines[k]
    if line:find("^  %-") then
      last = read_option(line)
      table.insert(command.options, last)
    elseif last and line:find("^    ") then
      last.text = append(last.text, line:match("^%s*(.*)$"))
    elseif line ~= "" then
      table.insert(#command.options == 0 and command.text or command.rest, line)
    end
  end
  return command
end

-- The word of a usage that names a command: the first one that is no option.
local function command_of(usage)
  return usage:gsub("%b[]", ""):match("^%s*(%l+)")
end

function commands.read(program)
  local main = read_help(lines_of(program .. " --help"), "")
  local list, seen = { main }, {}
  for place, usage in ipairs(main.usage) do
    local name = command_of(usage)
    if name == "help" then
      list.help = (main.summaries[place] or "print how a command is used")
    elseif name and name ~= "script" and not seen[name] then
      seen[name] = true
      local command = read_help(lines_of(program .. " " .. name .. " --help"), name)
      command.summary = main.summaries[place]:gsub("%s*%(%l+ %-%-help%)$", "")
      list[#list + 1] = command
    end
  end
  return list
end

-- Values ----------------------------------------------------------------------------------------------

-- "…: cpu (the default), wall (all), or lock" → { "cpu", "wall", "lock" }; nil: the text lists no words.
local function listed_words(text)
  text = text:gsub("%s*%b()", "")
  for start in ("\n" .. text:gsub(": ", "\n")):gmatch("\n([^\n]*)") do
    local words, at = {}, 1
    while true do
      local word, separator, stop = start:match("^([%w_.-]+)(%s*,?%s*)()", at)
      if not word then break end
      if word == "or" and separator ~= "" then
        words[#words + 1] = start:match("^[%w_-]+", stop)
        return #words > 1 and words or nil
      end
      words[#words + 1] = word
      at = stop
      if start:sub(at, at + 2) ~= "or " and not separator:find(",") then break end
    end
    if #words > 2 and at > #start then return words end
  end
end

-- What the value of an option is: { kind = "words" or "list" (with commas), words = }, { kind = "file" },
-- { kind = "files" } (with commas) or { kind = "other" }; nil: it has none.
function commands.value_of(option)
  local value = option.value
  if not value then return nil end
  if value == "FILE" then return { kind = "file" } end
  if value:find("^PATH") then return { kind = value:find(",") and "files" or "file" } end
  local default = option.text:match("%(default: ([%l%d]+,[%l%d,]+)%)")
  if default then
    local words = {}
    for word in default:gmatch("[^,]+") do words[#words + 1] = word end
    return { kind = "list", words = words }
  end
  local words = not value:find("^[%u]$") and listed_words(option.text)
  if words then return { kind = value:find(",") and "list" or "words", words = words } end
  local word = value:match("|(%l+)$") or value:match(",(%l+)$")
  if word then return { kind = value:find(",") and "list" or "words", words = { word } } end
  return { kind = "other" }
end

-- What stands behind the options of a command: "file", "pid", both or neither.
function commands.operands(command)
  local found = {}
  for _, usage in ipairs(command.usage) do
    if usage:find("script") or usage:find("files") or usage:find("%u+ AFTER") then found.file = true end
    if usage:find("PID") then found.pid = true end
  end
  return found
end

return commands
