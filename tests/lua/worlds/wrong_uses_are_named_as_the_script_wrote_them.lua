-- SPDX-License-Identifier: MIT
-- Every public function, method and option, used wrongly in each way of tests/support/wrong_uses.lua: the message
-- begins with the script's file and line, names the function as the script wrote it, and has nothing of the library's
-- inside.
local mm = require "manymoons"
local wrong_arguments = require "wrong_arguments"
local wrong_uses = require "wrong_uses"

local list, unpack, try, note = wrong_uses.list, wrong_uses.unpack, wrong_uses.try, wrong_uses.note

local world = mm.world(mm.current_world())
local pool, lock = world.Pool(1), world.Lock()
local future = pool:submit(function() return 1 end)
future:wait()
local process = world.Process(function() end)
local here = world.Pipe()
local manager, actor = mm.serial.Manager(), world.Actor(function() return {} end)
local group
mm.async.run(function() mm.async.group(function(g) group = g end) end)
local things = {
  Pool = pool, Process = process, ParentProcess = pool:apply(world.parent_process), Logger = mm.get_logger(),
  Descriptor = mm.Descriptor(1), StructArray = world.Array({ x = "u8" }, 3), Context = mm.async.context(),
  Future = future, Queue = world.Queue(), JoinableQueue = world.JoinableQueue(),
  PriorityQueue = world.PriorityQueue(),
  Connection = here, Lock = lock, FileLock = world.FileLock("lock"),
  RWLock = world.RWLock(), Guard = world.RLock():guard(), Semaphore = world.Semaphore(), Event = world.Event(),
  Condition = world.Condition(), Barrier = world.Barrier(1), Value = world.Value("i8"), Array = world.Array("i8", 3),
  Table = world.Table(), SharedMemory = world.SharedMemory({ create = true, size = 8 }), Listener = world.Listener(),
  Actor = actor, Manager = manager, Progress = mm.progress({}), Task = mm.async.spawn(function() end), Group = group,
}
local current = mm._require("broker.current")
current.begin("jobs:1", "1 1-0")
things.PostedTask = mm.task()
current.finish()
local folders = { mm = mm, World = world, Async = mm.async }

local rows = wrong_arguments.functions
local used = {} -- the rows and options that the reference has

local function check_function(name, class, method)
  for _, args in ipairs(rows[name] or {}) do note(try, method .. "[: ]", folders[class][method], args) end
end

local function check_method(name, class, method)
  local thing = things[class]
  local f, beginnings = thing[method], { class .. ":" .. method .. "[: ]", class .. ": " }
  for _, self in ipairs({ 5, "x", {}, print, io.stdout, class == "Connection" and lock or here }) do
    note(try, beginnings, f, list(self), name .. " of the handle " .. tostring(self))
  end
  note(try, beginnings, f, list(), name .. " of no handle")
  for _, args in ipairs(rows[name] or {}) do note(try, beginnings, f, list(thing, unpack(args, 1, args.n))) end
end

-- Options: how a table of them is used. more: what it needs beside.
local function maker(name, more)
  return function(options)
    for key, value in pairs(more) do
      if options[key] == nil then options[key] = value end
    end
    return world[name], list(options)
  end, name .. ": "
end
local function of_pool(method, ...)
  local before = list(...)
  return function(options)
    local args = list(pool, unpack(before, 1, before.n))
    args[args.n + 1], args.n = options, args.n + 1
    return pool[method], args
  end, "Pool:" .. method .. ": "
end
local function sandboxed(name)
  return function(options) return world[name], list({ workers = name == "Pool" and 1 or nil,
    target = name == "Process" and print or nil, sandbox = options }) end, name .. ": "
end
local SECRET = ("secret"):rep(4)
local BROKER = { broker = "unix:///nowhere/at/all", name = "jobs", secret = SECRET }
local uses = {
  ProcessOptions = { { maker("Process", { target = print }) } },
  ActorOptions = { { maker("Actor", { factory = print }) } },
  PoolOptions = { { maker("Pool", { workers = 1 }) } },
  Sandbox = { { sandboxed("Pool") }, { sandboxed("Process") } },
  BrokerPoolOptions = { { maker("Pool", BROKER) } },
  QueueOptions = { { maker("Queue", {}) }, { maker("JoinableQueue", {}) }, { maker("PriorityQueue", {}) } },
  PriorityOptions = { { function(options) return things.PriorityQueue.put, list(things.PriorityQueue, 1, options) end,
    "PriorityQueue:put: " } },
  BrokerQueueOptions = { { maker("Queue", BROKER) }, { maker("JoinableQueue", BROKER) } },
  CallOptions = { { of_pool("map", math.abs, { 1 }) }, { of_pool("starmap", math.abs, { { 1 } }) },
    { of_pool("map_async", math.abs, { 1 }) }, { of_pool("starmap_async", math.abs, { { 1 } }) },
    { of_pool("apply_async", math.abs, { 1 }) }, { of_pool("imap", math.abs, { 1 }) },
    { of_pool("imap_unordered", math.abs, { 1 }) }, { of_pool("reduce", math.abs, { 1, 2 }, math.max, 0) } },
  MapOptions = { { of_pool("map", math.abs, { 1 }) }, { of_pool("starmap", math.abs, { { 1 } }) },
    { of_pool("map_async", math.abs, { 1 }) }, { of_pool("starmap_async", math.abs, { { 1 } }) },
    { of_pool("imap", math.abs, { 1 }) }, { of_pool("imap_unordered", math.abs, { 1 }) } },
  ImapOptions = { { of_pool("imap", math.abs, { 1 }) }, { of_pool("imap_unordered", math.abs, { 1 }) } },
  CallbackOptions = { { of_pool("apply_async", math.abs, { 1 }) } },
  ScheduleOptions = { { of_pool("schedule", "name", "@daily", math.abs, { 1 }) } },
  PostOptions = { { of_pool("post", math.abs, { 1 }) } },
  ReadOptions = {
    { function(options) return mm.result, list("unix:///nowhere", "jobs:x", 0, options) end, "result: " },
    { function(options) return mm.cancel, list("unix:///nowhere", "jobs:x", options) end, "cancel: " },
  },
  MapCallbackOptions = { { of_pool("map_async", math.abs, { 1 }) },
    { of_pool("starmap_async", math.abs, { { 1 } }) } },
}

local function check_option(class, option)
  local values = (wrong_arguments.options[class] or {})[option]
  if not values then error(class .. "." .. option .. " has no row", 0) end
  used[class .. "." .. option] = true
  for _, way in ipairs(uses[class]) do
    local make, where = unpack(way)
    for i = 1, #values do
      local f, args = make({ [option] = values[i] })
      note(try, where, f, args, where .. option .. " = " .. tostring(values[i]))
    end
  end
end

-- Options that a function lists itself: what stands before them, and what they need beside.
local before = {
  ["mm.trace"] = list("trace.json"), ["mm.profile"] = list("profile.html"), ["mm.gil"] = list(),
  ["mm.loads"] = list(mm.dumps(1)), ["mm.register"] = list("some class", {}), ["World.Table"] = list({}),
  ["World.SharedMemory"] = list(), ["World.Listener"] = list(nil), ["World.Client"] = list("@nobody"),
  ["World.Manager"] = list(), ["World.wait"] = list({ future }), ["World.Barrier"] = list(),
}

for name, options in pairs(wrong_arguments.own_options) do
  local class, method = name:match("^(%w+)%.(.*)$")
  for option, values in pairs(options) do
    for i = 1, #values do
      local own = { [option] = values[i] }
      if name == "World.SharedMemory" and option ~= "create" then own.create = true end
      if name == "World.SharedMemory" and option ~= "size" then own.size = 8 end
      if name == "World.Barrier" and option ~= "parties" then own.parties = 1 end
      local args = before[name]
      args = list(unpack(args, 1, args.n))
      args[args.n + 1], args.n = own, args.n + 1
      note(try, method .. "[: ]", folders[class][method], args, name .. " " .. option .. " = " .. tostring(values[i]))
    end
  end
end

for _, path in ipairs(require "type_files") do
  local options
  for line in io.lines(path) do
    local class, dot, method = line:match("^function (%w+)([.:])([%w_]+)%(")
    local name = class and class .. dot .. method
    if name and rows[name] == nil then error(name .. " has no row", 0) end
    if name and folders[class] then
      check_function(name, class, method)
    elseif name and class ~= "Proxy" then
      check_method(name, class, method)
    end
    options = line:match("^%-%-%-@class manymoons%.(%w+)") or (line:match("^%-%-%-") and options)
    local field = line:match("^%-%-%-@field ([%w_]+)")
    if field and uses[options or ""] then check_option(options, field) end
  end
end
for class, all in pairs(wrong_arguments.options) do
  for option in pairs(all) do
    if not used[class .. "." .. option] then error(class .. "." .. option .. " is no option of the reference", 0) end
  end
end
pool:terminate()
manager:close()
wrong_uses.finish()
