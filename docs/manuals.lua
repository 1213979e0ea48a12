-- SPDX-License-Identifier: MIT
-- The manuals of the commands, manymoons-compare(1) and so on, and the generated sections of manymoons(1), from
-- docs/commands.lua and docs/environment.lua.
local environment = dofile("docs/environment.lua")

local manuals = {}

local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("…", "...")
  return (text:gsub("^([.'])", "\\&%1"))
end

local function add(out, ...)
  for _, line in ipairs({ ... }) do out[#out + 1] = line end
end

-- Words in capitals are for the user to fill in.
local function synopsis_line(words)
  return (roff(words):gsub("%f[%w]%u[%u,%d]*%f[^%w,]", "\\fI%0\\fR"))
end

local function add_synopsis(out, command)
  out[#out + 1] = ".SH SYNOPSIS"
  for i, words in ipairs(command.usage) do
    add(out, i > 1 and ".br" or nil)
    out[#out + 1] = "\\fBmanymoons\\fR " .. synopsis_line(words)
  end
end

local function add_options(out, command)
  if #command.options == 0 then return end
  out[#out + 1] = ".SH OPTIONS"
  if command.name == "" then
    add(out, "They stand before the script. Those of a command stand behind its name; these may stand there as well.")
  else
    add(out, "Those of", ".BR manymoons (1)", "may stand among them.")
  end
  for _, option in ipairs(command.options) do
    local names = {}
    for i, name in ipairs(option.names) do names[i] = "\\fB" .. roff(name) .. "\\fR" end
    local value = option.value and " \\fI" .. roff(option.value) .. "\\fR" or ""
    add(out, ".TP", table.concat(names, ", ") .. value, roff(option.text))
  end
end

local function is_for(row, name)
  if name == "" or not row[3] then return true end
  for _, each in ipairs(row[3]) do
    if each == name then return true end
  end
  return false
end

local function add_rows(out, title, rows, name)
  local section = {}
  for _, row in ipairs(rows) do
    if is_for(row, name) then
      local names = roff(row[1]):gsub(", ", "\\fR, \\fB")
      add(section, ".TP", "\\fB" .. names .. "\\fR", roff(row[2]))
    end
  end
  if #section > 0 then add(out, ".SH " .. title, table.unpack(section)) end
end

local function add_see_also(out, list, own)
  out[#out + 1] = ".SH SEE ALSO"
  local pages = { own ~= "" and ".BR manymoons (1)," or nil }
  for i = 2, #list do
    if list[i].name ~= own then pages[#pages + 1] = ".BR manymoons\\-" .. list[i].name .. " (1)," end
  end
  pages[#pages + 1] = ".BR manymoons (3),"
  pages[#pages + 1] = ".BR lua (1)"
  add(out, table.unpack(pages))
end

-- Lines that begin with a word and a colon ("URL: …") begin a paragraph.
local function add_text(out, lines)
  for i, line in ipairs(lines) do
    if i > 1 and line:find("^%u[%w ]*: ") then out[#out + 1] = ".PP" end
    out[#out + 1] = roff(line)
  end
end

local function is_exit_status(line) return line:find("^Exit status: ") ~= nil end

local function exit_status_of(command)
  local said = table.concat(command.rest, " "):match("Exit status: (.*)$")
    or table.concat(command.text, " "):match("Exit status: (.*)$")
  if said then return said end
  if command.usage[1]:find("script") then return "That of the script; 2 after wrong use." end
  return "0; 1 if the command failed; 2 after wrong use."
end

local function manual_of(command, list)
  local out = {
    (".TH MANYMOONS\\-%s 1 2026 manymoons \"User Commands\""):format(command.name:upper()), ".SH NAME",
    ("manymoons\\-%s \\- %s"):format(command.name, roff(command.summary)),
  }
  add_synopsis(out, command)
  out[#out + 1] = ".SH DESCRIPTION"
  add_text(out, command.text)
  local rest = {}
  for _, line in ipairs(command.rest) do
    if not is_exit_status(line) then rest[#rest + 1] = line end
  end
  if #rest > 0 then
    out[#out + 1] = ".PP"
    add_text(out, rest)
  end
  add_options(out, command)
  add(out, ".SH EXIT STATUS", roff(exit_status_of(command)))
  add_rows(out, "ENVIRONMENT", environment.variables, command.name)
  add_rows(out, "FILES", environment.files, command.name)
  add_see_also(out, list, command.name)
  return out
end

-- list: of commands.read → manuals by their names, such as "manymoons-top.1", as lists of lines
function manuals.of_commands(list)
  local pages = {}
  for i = 2, #list do pages["manymoons-" .. list[i].name .. ".1"] = manual_of(list[i], list) end
  return pages
end

-- The lines of manymoons(1) with its sections OPTIONS, ENVIRONMENT, FILES and SEE ALSO anew; the others are written by
-- hand.
function manuals.renew(lines, list)
  local sections = { OPTIONS = {}, ENVIRONMENT = {}, FILES = {}, ["SEE ALSO"] = {} }
  add_options(sections.OPTIONS, list[1])
  add_rows(sections.ENVIRONMENT, "ENVIRONMENT", environment.variables, "")
  add_rows(sections.FILES, "FILES", environment.files, "")
  add_see_also(sections["SEE ALSO"], list, "")
  local out, is_dropped = {}, false
  for _, line in ipairs(lines) do
    local title = line:match("^%.SH (.*)$")
    if title then
      is_dropped = sections[title] ~= nil
      add(out, table.unpack(sections[title] or {}))
    end
    if not is_dropped then out[#out + 1] = line end
  end
  return out
end

manuals.check = environment.check

return manuals
