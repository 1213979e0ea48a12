-- SPDX-License-Identifier: MIT
-- See tests/checks/types. Usage: manymoons tests/checks/types.lua FOLDER
local folder = arg[1]
local support = dofile("tests/support/files.lua")
local read, lines_of = support.text_of, support.lines_of
local wrong = false
local BUILT_IN = {}
for name in ("any boolean fun function integer lightuserdata nil number string table thread userdata true false self "
  .. "unknown"):gmatch("%a+") do
  BUILT_IN[name] = true
end

local function complain(form, ...)
  print(form:format(...))
  wrong = true
end

-- Blocks: the annotations above a declaration ------------------------------------------------------------------------

local known = {} -- classes and aliases
local blocks = {}

local function read_blocks(path)
  local block = { path = path, params = {} }
  local number = 0
  for line in io.lines(path) do
    number = number + 1
    local tag, rest = line:match("^%-%-%-@(%w+)%s*(.*)$")
    if tag == "class" or tag == "alias" then known[rest:gsub("^%(%a+%)%s*", ""):match("^[%w_.]+")] = true end
    if tag == "param" then table.insert(block.params, rest:match("^([%w_.]+)")) end
    if line:find("^%-%-%-") then
      block.line = block.line or number
      block[#block + 1] = line:sub(4)
    else
      block.declaration, block.at = line, number
      blocks[#blocks + 1] = block
      block = { path = path, params = {} }
    end
  end
end

local function check_parameters(block)
  local name, list = block.declaration:match("^function ([%w_.:]+)%((.-)%)")
  if not name then return end
  local wanted = {}
  for each in list:gmatch("[%w_.]+") do wanted[#wanted + 1] = each end
  local found = table.concat(block.params, ", ")
  if found ~= table.concat(wanted, ", ") then
    complain("%s:%d: %s has the parameters (%s), and @param names (%s)", block.path, block.at, name,
      table.concat(wanted, ", "), found)
  end
end

local function check_names(block)
  for _, line in ipairs(block) do
    for name in line:gmatch("manymoons%.%u[%w_]*") do
      if not known[name] then complain("%s:%d: no type '%s'", block.path, block.line, name) end
    end
    local kind = line:match("^@param [%w_.]+%?? ([%a_][%w_.]*)") or line:match("^@field [%w_]+%?? ([%a_][%w_.]*)")
      or line:match("^@return ([%a_][%w_.]*)")
    local is_generic = table.concat(block, "\n"):find("@generic")
    if kind and not BUILT_IN[kind] and not known[kind] and not is_generic then
      complain("%s:%d: no type '%s'", block.path, block.line, kind)
    end
  end
end

local function check_reference(block, reference)
  local declaration = block.declaration:match("^function (.-)%s*end%s*$")
  if declaration and not reference:find("### `" .. declaration .. "`", 1, true) then
    complain("docs/reference/lua.md: no %s", declaration)
  end
end

-- The addon ----------------------------------------------------------------------------------------------------------

local USES = { 'local mm = require "manymoons"', "local mm = require('manymoons')", 'require("manymoons.threads")' }

local function check_addon()
  local path = "packaging/addon/config.json"
  local require = require("manymoons")._require
  local config = assert(require("core.json").decode(read(path)))
  if config.name ~= "manymoons" then complain("%s: its name is %s", path, tostring(config.name)) end
  for _, use in ipairs(USES) do
    local is_found = false
    for _, pattern in ipairs(config.words) do is_found = is_found or use:find(pattern) ~= nil end
    if not is_found then complain("%s: its words find no %s", path, use) end
  end
  assert(require("core.json").decode(read(".luarc.json")))
end

local files = lines_of("ls " .. folder .. "/types*.lua")
for _, path in ipairs(files) do
  local compiled, why = loadfile(path)
  if not compiled then complain("%s", why) end
  if not read(path):find("^%-%-%-@meta") then complain("%s: no @meta in its first line", path) end
  read_blocks(path)
end
local reference = read("docs/reference/lua.md")
for _, block in ipairs(blocks) do
  check_parameters(block)
  check_names(block)
  if folder == "bindings/lua" then check_reference(block, reference) end
end
if folder == "bindings/lua" then check_addon() end
os.exit(not wrong)
