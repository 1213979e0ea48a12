-- SPDX-License-Identifier: MIT
-- See tests/checks/requires. Usage: requires.lua FOLDER
--
-- An edge is a literal require("room.file") or instance("room.file"), also inside of functions: a module that is loaded
-- late is needed all the same.
local folder = assert((...), "a folder of Lua rooms")

local files = dofile("tests/support/files.lua")
local lines_of, text_of = files.lines_of, files.text_of

local rank = {}
for place, layer in ipairs(lines_of("cat LAYERS")) do
  local room = layer:match("^bindings/lua/(%w+)$")
  if room then rank[room] = place end
end
local TOP = math.huge -- files beside the rooms may use all of them

local modules = {} -- name → list of names that it requires
local wrong = false
local function complain(...)
  io.stdout:write(string.format(...), "\n")
  wrong = true
end

local function read_requires(path)
  local text, list = text_of(path), {}
  for _, pattern in ipairs({ '%f[%w_]require%("([%w_.]+)"%)', '%f[%w_]instance%("([%w_.]+)"' }) do
    for name in text:gmatch(pattern) do
      if name ~= "manymoons" then list[#list + 1] = name end
    end
  end
  return list
end

for _, path in ipairs(lines_of("find " .. folder .. " -name '*.lua' -not -path '*/redis/scripts/*' | LC_ALL=C sort")) do
  modules[path:sub(#folder + 2, -5):gsub("/", ".")] = read_requires(path)
end

local function rank_of(name)
  local room = name:match("^([^.]+)%.")
  if room and not rank[room] then complain("%s: no room '%s' in LAYERS", name, room) end
  return rank[room] or TOP
end

for name, list in pairs(modules) do
  for _, required in ipairs(list) do
    if not modules[required] then
      complain("%s requires '%s', which is no file of %s", name, required, folder)
    elseif rank_of(required) > rank_of(name) then
      complain("%s requires '%s', whose room is above its own", name, required)
    end
  end
end

-- Depth-first: a module that is met again on its own path closes a circle.
local state, path = {}, {}
local function visit(name)
  if state[name] == "done" or not modules[name] then return end
  path[#path + 1] = name
  if state[name] == "open" then
    complain("circle: %s", table.concat(path, " -> "))
  else
    state[name] = "open"
    for _, required in ipairs(modules[name]) do visit(required) end
    state[name] = "done"
  end
  path[#path] = nil
end
for name in pairs(modules) do visit(name) end

os.exit(wrong and 1 or 0)
