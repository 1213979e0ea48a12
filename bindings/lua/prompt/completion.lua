-- SPDX-License-Identifier: MIT
-- The names that Tab offers: globals and keywords, fields behind a dot, methods behind a colon.
--
-- No code of the script runs: tables are read raw, and of metatables those __index are followed that are tables. What
-- the library's own functions find is asked of the library: the names of the default world behind `mm.`, and the names
-- that a class gives in the field __mm_names of its metatable.
local require = ...

local worlds = require("core.worlds")
local values = require("prompt.values")

local metatable_of = debug.getmetatable
local CHAIN_MOST = 20 -- tables that one looks into behind another
local GLOBALS = _G

local completion = {}

-- The tables that have the names of a value -----------------------------------------------------------

local function names_of_world(mm)
  local list = { mm.world(worlds.default()) }
  local names = {}
  for _, name in ipairs(worlds.names) do names[name] = mm.world(name) end
  list[2] = names
  return list
end

-- What a metatable's __index stands for: tables. A C function of the library has the methods as its first upvalue.
local function tables_behind(meta)
  local names, index = rawget(meta, "__mm_names"), rawget(meta, "__index")
  if type(names) == "table" then return names end
  if type(index) == "table" then return { index } end
  if type(index) ~= "function" or debug.getinfo(index, "S").what ~= "C" then return {} end
  local _, methods = debug.getupvalue(index, 1)
  return { type(methods) == "table" and methods or nil }
end

local function add_tables(list, seen, value, mm)
  if #list >= CHAIN_MOST or seen[value] then return end
  seen[value] = true
  if type(value) == "table" then list[#list + 1] = value end
  local more = {}
  local meta = metatable_of(value)
  if mm and value == mm then
    more = names_of_world(mm)
  elseif type(meta) == "table" then
    more = tables_behind(meta)
  end
  for _, each in ipairs(more) do add_tables(list, seen, each, nil) end
end

local function tables_of(value, mm)
  local list = {}
  if value ~= nil then add_tables(list, {}, value, mm) end
  return list
end

local function field_of(value, key, mm)
  for _, t in ipairs(tables_of(value, mm)) do
    local found = rawget(t, key)
    if found ~= nil then return found end
  end
end

-- What stands before the cursor -----------------------------------------------------------------------

-- Whether the end of the line is within a string or a comment.
local function ends_in_text(line)
  local at = 1
  while true do
    local from, open = line:match("()([\"'%[%-])", at)
    if not from then return false end
    local level = line:match("^%-?%-?%[(=*)%[", from)
    if line:find("^%-%-", from) and not level then return true end
    if level and (open == "[" or line:find("^%-%-", from)) then
      at = select(2, line:find("]" .. level .. "]", from, true))
    elseif open == '"' or open == "'" then
      local stop = from
      repeat
        stop = line:find("[\\" .. open .. "]", stop + 1)
        if stop and line:sub(stop, stop) == "\\" then stop = stop + 1 end
      until not stop or line:sub(stop, stop) == open and line:sub(stop - 1, stop - 1) ~= "\\"
        or line:find("^\\\\", stop - 1)
      at = stop
    else
      at = from
    end
    if not at then return true end
    at = at + 1
  end
end

local value_of -- defined below

-- The value at the end of a text whose last part is a name.
local function value_of_name(before, name, mm)
  local inner, operator = before:match("^(.-)%s*([.:])%s*$")
  if not operator or inner:find("%.$") then
    if before:find("[%w_]$") then return nil end
    return rawget(GLOBALS, name)
  end
  if operator == ":" then return nil end
  return field_of(value_of(inner, mm), name, mm)
end

-- The value of the expression at the end of the text: names, fields, constant indices, constant strings in brackets.
function value_of(text, mm)
  text = text:match("^(.-)%s*$")
  local before, name = text:match("^(.-)([%a_][%w_]*)$")
  if name then return value_of_name(before, name, mm) end
  local outer, number = text:match("^(.*)%[%s*(%-?%d+)%s*%]$")
  if outer then return field_of(value_of(outer, mm), tonumber(number), mm) end
  local _
  outer, _, name = text:match("^(.*)%[%s*([\"'])([^\"'\\]*)%2%s*%]$")
  if outer then return field_of(value_of(outer, mm), name, mm) end
  if text:find("^.*%(%s*([\"'])[^\"'\\]*%1%s*%)$") then return "" end
  return nil
end

-- Candidates ------------------------------------------------------------------------------------------

local function is_offered(name, value, partial, is_method)
  if type(name) ~= "string" or name:sub(1, #partial) ~= partial or not name:find("^[%a_][%w_]*$") then return false end
  if name:find("^_") and partial == "" then return false end
  return not is_method or type(value) == "function"
end

local function names_in(tables, partial, is_method)
  local list, seen = {}, {}
  for _, t in ipairs(tables) do
    for name, value in next, t do
      if not seen[name] and is_offered(name, value, partial, is_method) then
        seen[name] = true
        list[#list + 1] = name
      end
    end
  end
  table.sort(list)
  return list
end

-- mm: the public table. The names that the word at the end of the line may become, in order.
function completion.candidates(line, mm)
  if ends_in_text(line) then return {} end
  local before, partial = line:match("^(.-)([%a_][%w_]*)$")
  if not before then before, partial = line, "" end
  if before:find("[%w_]$") then return {} end
  local inner, operator = before:match("^(.-)%s*([.:])%s*$")
  if operator == "." and inner:find("%.$") then operator = nil end
  if operator == ":" and inner:find(":$") then return {} end
  if not operator then return names_in({ GLOBALS, values.keywords }, partial, false) end
  return names_in(tables_of(value_of(inner, mm), mm), partial, operator == ":")
end

return completion
