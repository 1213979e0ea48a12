-- SPDX-License-Identifier: MIT
-- bindings/lua/types*.lua, the source of the reference, and the module know the same names.
local mm = require "manymoons"
local expect = require "expect"

local unpack = table.unpack or unpack
local typed, parents = {}, {}
local function read(path)
  for line in io.lines(path) do
    local child, parent = line:match("^%-%-%-@class manymoons%.(%w+)(.*)$")
    if child then parents[child] = parent:match("manymoons%.(%w+)") or "" end
    local class, name = line:match("^function (%w+)[.:]([%w_]+)%(")
    if class then
      typed[class] = typed[class] or {}
      typed[class][name] = true
    end
    local field = class == nil and line:match("^%-%-%-@field (%w+)%?? ")
    if field then
      typed.fields = typed.fields or {}
      typed.fields[field] = true
    end
  end
end
for _, path in ipairs(require "type_files") do read(path) end

local pool, process = mm.Pool(1), mm.Process(print)
local here = mm.Pipe()
local things = {
  mm = mm,
  World = mm.world(mm.current_world() == "async" and "threads" or mm.current_world()),
  Async = mm.async,
  Task = mm.async.spawn(function() end),
  Pool = pool,
  Process = process,
  Future = pool:submit(function() end),
  Queue = mm.Queue(),
  JoinableQueue = mm.JoinableQueue(),
  PriorityQueue = mm.PriorityQueue(),
  Connection = here,
  Value = mm.Value("i8"),
  Array = mm.Array("i8", 1),
  Table = mm.Table(),
  SharedMemory = mm.SharedMemory({ create = true, size = 1 }),
  Listener = mm.Listener(),
}

local current = mm._require("broker.current")
current.begin("jobs:1", "1 1-0")
things.PostedTask = mm.task()
current.finish()

-- Each kind of lock has a class, a constructor in each world, and one in managers.
local manager = mm.world("serial").Manager()
for _, kind in ipairs(mm._native.lock_kinds()) do
  local name = kind.name
  local parties = name == "Barrier" and { 1 } or {}
  if parents[name] == nil then error(name .. ": the types have no such class") end
  typed[name] = typed[name] or typed[parents[name]]
  things[name] = mm[name](unpack(parties))
  expect.truthy(typed.World[name], "World." .. name)
  expect.truthy(manager[name](manager, unpack(parties)), "a manager's " .. name)
end
manager:close()

for class, thing in pairs(things) do
  for name in pairs(typed[class]) do
    expect.equal(type(thing[name]), "function", class .. "." .. name .. ", of types.lua")
  end
  local methods = thing
  local meta = getmetatable(thing)
  if class ~= "mm" and meta then methods = type(meta.__index) == "table" and meta.__index or {} end
  for name, value in pairs(methods) do
    local is_public = type(name) == "string" and not name:find("^_") and type(value) == "function"
    local is_world = class == "mm" or class == "Async"
    local base = (is_world and typed.World) or (parents[class] == "Queue" and typed.Queue) or {}
    local is_known = typed[class][name] or base[name]
    if is_public and not is_known then error(class .. "." .. name .. " is not in types.lua") end
  end
end
mm.async.run(function()
  mm.async.group(function(group)
    for name in pairs(typed.Group) do expect.equal(type(group[name]), "function", "Group." .. name) end
  end)
end)
for name in pairs(mm) do
  local is_known = name:find("^_") or typed.mm[name] or typed.World[name] or typed.fields[name]
  if not is_known then error("mm." .. name .. " is not in types.lua") end
end
pool:terminate()
