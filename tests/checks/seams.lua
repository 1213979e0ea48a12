-- SPDX-License-Identifier: MIT
-- See tests/checks/seams. Usage: seams.lua FOLDER
--
-- native.NAME_methods() gives Lua the table of a class's methods. A name that may be added to it is one that C
-- registers nowhere for that getter: not in the file that defines it, nor in those that include this file's header and
-- have lists of methods.
local folder = assert((...), "a folder of Lua rooms")

local SEAMS = { ["core/waits.lua"] = true, ["async/exit.lua"] = true }
local STANDARD = { os = true, io = true, coroutine = true }

local files = dofile("tests/support/files.lua")
local lines_of, text_of = files.lines_of, files.text_of

local wrong = false
local function complain(...)
  io.stdout:write(string.format(...), "\n")
  wrong = true
end

-- What C registers --------------------------------------------------------------------------------------

local sources = {} -- path of a C file → its text
for _, path in ipairs(lines_of("find bindings -name '*.c' | LC_ALL=C sort")) do sources[path] = text_of(path) end

local function add_names(text, names)
  for list in text:gmatch("[%w_]+%[%] = (%b{});") do
    for name in list:gmatch('{"([%w_]+)", [%w_]+') do names[name] = true end
  end
end

-- The function in C behind native.getter.
local function function_of(getter)
  for _, text in pairs(sources) do
    local list = text:match("native_functions%[%] = (%b{})")
    if list then return list:match('{"' .. getter .. '", ([%w_]+)}') end
  end
end

local names_of = {} -- getter → set of names
local function registered_for(getter)
  if names_of[getter] then return names_of[getter] end
  local names, header, definition = {}, nil, "\nint " .. tostring(function_of(getter)) .. "(lua_State"
  for path, text in pairs(sources) do
    if text:find(definition, 1, true) then header = path:match("([%w_]+)%.c$") .. ".h" end
  end
  if not header then complain("no C file defines %s", getter) end
  for _, text in pairs(sources) do
    local is_part = header and text:find('#include "[%w_/]*%f[%w_]' .. header:gsub("%.", "%%.") .. '"')
    if is_part and not text:find("native_functions") then add_names(text, names) end
  end
  names_of[getter] = names
  return names
end

-- What Lua assigns --------------------------------------------------------------------------------------

-- Calls found(table's expression, field) for each assignment to a field that stands in the line.
local function each_assignment(line, found)
  local of, field = line:match("^%s*function%s+([%w_]+)[.:]([%w_]+)%s*%(")
  if of then found(of, field) end
  for name, key in line:gmatch("%f[%w_.]([%w_]+)%.([%w_]+)%f[^%w_][%w_.,%s]*=%f[^=]") do found(name, key) end
  for name, key in line:gmatch('rawset%(%s*([%w_]+)%s*,%s*"([%w_]+)"') do found(name, key) end
  for name, key in line:gmatch('%f[%w_.]([%w_]+)%["([%w_]+)"%]%s*=%f[^=]') do found(name, key) end
  local getter, method = line:match("native%.([%w_]+_methods)%b()%.([%w_]+)%s*=")
  if getter then found("native." .. getter, method) end
end

local function check_line(where, line, getters)
  each_assignment(line, function(of, field)
    local getter = getters[of] or of:match("^native%.(.+)")
    if STANDARD[of] then complain("%s: %s.%s is assigned to", where, of, field) end
    if getter and registered_for(getter)[field] then
      complain("%s: C registers the method '%s' that is assigned here", where, field)
    end
  end)
end

local function check_file(path, name)
  local getters, number = {}, 0 -- variables that hold a table of methods
  for line in (text_of(path) .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    line = line:gsub("%-%-.*", "")
    local variable, getter = line:match("([%w_]+)%s*=%s*native%.([%w_]+_methods)%(")
    if variable then getters[variable] = getter end
    if not SEAMS[name] then check_line(path .. ":" .. number, line, getters) end
  end
end

for _, path in ipairs(lines_of("find " .. folder .. " -name '*.lua' -not -path '*/redis/*' | LC_ALL=C sort")) do
  check_file(path, path:sub(#folder + 2))
end

if wrong then os.exit(1) end
