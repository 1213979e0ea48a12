-- SPDX-License-Identifier: MIT
-- Names in pages: see the script beside this file. Usage: manymoons names.lua, at the top of a tree.
local pages = dofile("docs/pages.lua")
local mm = require("manymoons")

local methods = {}
for method in pages.read("docs/reference/lua.md"):gmatch("\n### `[%w_]+:([%w_]+)%(") do
  methods[method] = true
end
methods.dict = true -- what a manager makes has no heading of its own

local function index(value, name) return value[name] end

-- The value of a path, as "async.spawn". A name that is nearly one of the module's raises.
local function value_of(path)
  local value = mm
  for name in path:gmatch("[%w_]+") do
    local ok, found = pcall(index, value, name)
    value = ok and found or nil
    if value == nil then return nil end
  end
  return value
end

local wrong = false
local function complain(page, number, name)
  print(("%s:%d: there is no %s"):format(page, number, name))
  wrong = true
end

for _, page in ipairs(pages.lines_of("ls docs/how-to/from-*.md")) do
  local number = 0
  for line in pages.read(page):gmatch("([^\n]*)\n") do
    number = number + 1
    local ours = line:match("^| .* | (.*) |$") or ""
    for span in ours:gmatch("`([^`]*)`") do
      for path in span:gmatch("%f[%w_]mm%.([%w_]+[%w_.]*)") do
        if value_of(path) == nil then complain(page, number, "mm." .. path) end
      end
      for object, method in span:gmatch("([%w_)]+):([%w_]+)%(") do
        if not methods[method] then complain(page, number, object .. ":" .. method) end
      end
    end
  end
end
os.exit(not wrong)
