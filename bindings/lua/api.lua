-- SPDX-License-Identifier: MIT
-- The module's public table: worlds, errors, and the names of the default world.
--
-- Called by module.c with the private table of C functions; returns what require "manymoons" returns. A world is a
-- table with the same names in each; mm.Pool, mm.Queue, … are looked up in the default world each time they are used.
-- Runs on Lua 5.1, LuaJIT and 5.4 alike.
local private = ...

local mm = {}
private.public = mm

local unpack = table.unpack or unpack
private.unpack = unpack
function private.pack(...) return { n = select("#", ...), ... } end

-- Checks ----------------------------------------------------------------------------------------------

-- Raises at the caller of the public function, naming it and the argument.
function private.expect(is_right, where, what, level)
  if not is_right then error(where .. ": " .. what, (level or 2) + 1) end
end

function private.is_callable(value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

function private.check_options(options, allowed, where)
  for key in pairs(options) do
    if not allowed[key] then error(where .. ": unknown option '" .. tostring(key) .. "'", 3) end
  end
end

-- Errors ----------------------------------------------------------------------------------------------

local Error = {}
Error.__index = Error
Error.__name = "mm.Error"

function Error.__tostring(self)
  local text = tostring(self.message)
  if self.traceback and self.traceback ~= "" then text = text .. "\n" .. self.traceback end
  if self.raised_at and self.raised_at ~= "" then text = text .. "\nraised again here:\n" .. self.raised_at end
  return text
end

mm.Error = Error

-- From a failure (bindings/failure.h); the value is decoded apart, for it may not be decodable here.
function private.new_error(failure, worker, exitcode)
  if getmetatable(failure) == Error then return failure end
  local self = setmetatable({
    message = failure.message,
    traceback = failure.traceback,
    kind = failure.kind,
    worker = failure.worker or worker,
    exitcode = exitcode,
  }, Error)
  if failure.value then
    local ok, value = pcall(private.loads, failure.value, { functions = true })
    self.value = ok and value or failure.message
  else
    self.value = failure.message
  end
  return self
end

-- Raises an mm.Error where its result was asked for.
function private.raise(err)
  if not err.raised_at then err.raised_at = debug.traceback("", 3):gsub("^\n?stack traceback:\n", "") end
  error(err, 0)
end

local handlers = setmetatable({}, { __mode = "v" }) -- by the worker's name
local function handler_of(name)
  if handlers[name] then return handlers[name] end
  handlers[name] = function(value)
    local is_text = type(value) == "string" or type(value) == "number"
    local meta = getmetatable(value)
    local has_text = is_text or (type(meta) == "table" and meta.__tostring)
    return setmetatable({
      message = has_text and tostring(value) or "(error object is a " .. type(value) .. " value)",
      value = value,
      traceback = debug.traceback("", 2):gsub("^\n", ""),
      kind = "error",
      worker = name,
    }, Error)
  end
  return handlers[name]
end

private.handler_of = handler_of
local passes_arguments = select(2, xpcall(function(...) return select("#", ...) end, print, 1)) == 1

private.passes_arguments = passes_arguments

-- Runs a function as a worker would: true and results, or false and an mm.Error. PUC 5.1's xpcall passes nothing on.
function private.call_here(name, f, ...)
  if passes_arguments then return xpcall(f, handler_of(name), ...) end
  local args = private.pack(...)
  return xpcall(function() return f(unpack(args, 1, args.n)) end, handler_of(name))
end

-- Who runs here ---------------------------------------------------------------------------------------

local settings = private.settings()
local default_world = settings and settings.default_world or os.getenv("MANYMOONS_WORLD") or "processes"

-- Each thread of this VM is somebody: by its key (false for the main one). Settings are read anew where they changed:
-- in a forked child, and in a thread that has the key of one that is gone.
local people = {}
local function read_current()
  local key, new = private.thread(), private.settings()
  local known = people[key]
  if known and known.settings == new then return known end
  known = { settings = new, parent = new and new.parent }
  known.who = new and { name = new.name, pid = private.pid(), daemon = new.daemon, world = new.world }
    or { name = "MainProcess", pid = private.pid(), daemon = false }
  people[key] = known
  return known
end

-- The task that is a worker of the world `async` and of which the caller is a part, if it is.
local function worker_task()
  local task = private.schedulers and private.schedulers.current()
  return task and task.process
end

-- Whose children, pools and answers are whose: see schedulers.agent.
function private.agent()
  if private.schedulers then return private.schedulers.agent() end
  return private.thread()
end

function private.current() return (worker_task() or read_current()).who end
function private.set_current(process)
  local known = worker_task() or read_current()
  local before = known.who
  known.who = process
  return before
end

function mm.current_process() return (worker_task() or read_current()).who end
function mm.parent_process() return (worker_task() or read_current()).parent end

-- Worlds ----------------------------------------------------------------------------------------------

local names = { "serial", "async", "threads", "interpreters", "processes" }
local worlds = {}
mm.worlds = names

local function check_world(name, where)
  for _, known in ipairs(names) do
    if known == name then return end
  end
  local list = table.concat(names, ", ")
  error(where .. ": no world '" .. tostring(name) .. "' (there are: " .. list .. ")", 3)
end

-- Tasks: loaded when they are first used. Waits look whether there are any.
function private.tasks()
  if private.schedulers then return private.schedulers end
  local schedulers = private.load("schedulers")(private)
  private.schedulers = schedulers
  private.load("async")(private, schedulers)
  private.load("task_worker")(private, schedulers)
  private.load("task_waits")(private, schedulers)
  schedulers.meetings = private.load("task_meetings")(private, schedulers)
  private.set_wait_pauser(schedulers.sleep)
  return schedulers
end

local native_sleep, busy = private.sleep, private.busy
function private.sleep(seconds)
  local scheduler, can_yield = busy()
  if scheduler and type(seconds) == "number" and seconds >= 0 then return scheduler.sleep(seconds, can_yield) end
  return native_sleep(seconds)
end

private.native_wait_any = private.wait_any
function private.wait_any(things, ...)
  local schedulers = private.schedulers
  if schedulers and schedulers.are_needed_for(things) then return schedulers.wait_any(things, ...) end
  return private.native_wait_any(things, ...)
end

local connection = private.load("connection")(private)
private.arguments_of_thread = connection.arguments_of_thread
local process = private.load("process")(private)
local pool = private.load("pool")(private)
private.report, private.on_collection, private.is_future = pool.report, pool.on_collection, pool.is_future
local serial = private.load("serial")(private)
local sync = private.load("sync")(private)
private.sync = sync
local memory = private.load("memory")(private)
local listener = private.load("listener")(private)
private.listener = listener
local manager = private.load("manager")(private)
private.manager_server = private.load("manager_server")(private)
local wait = private.load("wait")(private)

local function is_multiple(name) return name ~= "serial" end

local function new_queue(world, kind, maxsize)
  if world == "threads" or world == "async" then return private.local_queue_new(kind, maxsize) end
  return private.queue_new(kind, maxsize, not is_multiple(world))
end

local function check_maxsize(kind, maxsize)
  private.expect(maxsize == nil or kind ~= "SimpleQueue", kind, "no argument expected; a Queue has a maxsize", 3)
  private.expect(maxsize == nil or (type(maxsize) == "number" and maxsize >= 0 and maxsize < 2 ^ 53), kind,
    "maxsize: a number, 0 (no bound) or more, expected, got " .. tostring(maxsize), 3)
end

local function make_world(name)
  local world = { name = name }
  world.Process = is_multiple(name) and process.class(name) or serial.Process
  world.Pool = pool.class(name)
  for _, kind in ipairs({ "Queue", "SimpleQueue", "JoinableQueue" }) do
    world[kind] = function(maxsize)
      if type(maxsize) == "table" and maxsize.engine ~= nil then return private.engine().queue(kind, maxsize) end
      if type(maxsize) == "table" then
        private.check_options(maxsize, { maxsize = true }, kind)
        maxsize = maxsize.maxsize
      end
      check_maxsize(kind, maxsize)
      local q, why = new_queue(name, kind, maxsize)
      return q or error(kind .. ": " .. why, 2)
    end
  end
  function world.Pipe(duplex)
    if name == "threads" or name == "async" then return connection.pipe(duplex ~= false) end
    local first, second = private.pipe_new(duplex ~= false, not is_multiple(name))
    if not first then error("Pipe: " .. second, 2) end
    return first, second
  end
  local meetings = name == "async" and private.tasks().meetings
  for kind, constructor in pairs(sync.constructors(not is_multiple(name), meetings)) do world[kind] = constructor end
  world.Value, world.Array, world.SharedMemory = memory.Value, memory.Array, memory.SharedMemory
  world.Table = memory.Table
  world.Listener, world.Client = listener.Listener, listener.Client
  world.Manager = manager.constructor(name)
  world.wait = wait(not is_multiple(name))
  function world.as_completed(futures, timeout) return pool.as_completed(world.wait, futures, timeout) end
  world.sleep = private.sleep
  world.current_process = mm.current_process
  world.parent_process = mm.parent_process
  world.active_children = process.active_children
  world.cpu_count = private.cpu_count
  if name == "async" then
    private.tasks()
    for key, f in pairs(private.async) do world[key] = f end
  end
  return world
end

-- Functions of the module travel by name, like any C function of a loaded module, not with all that they refer to.
local function seal_all(list)
  for key, value in pairs(list) do
    if type(value) == "function" then list[key] = private.seal(value) end
  end
  return list
end

-- A world is a module of its own, so that a function that uses one finds it, by name, in a worker.
function mm.world(name)
  check_world(name, "world")
  if not worlds[name] then
    worlds[name] = seal_all(make_world(name))
    package.loaded["manymoons." .. name] = worlds[name]
  end
  return worlds[name]
end

function mm.set_world(name)
  check_world(name, "set_world")
  default_world = name
end

function mm.current_world() return default_world end

-- The rest --------------------------------------------------------------------------------------------

-- trace(path, { limit = N }) starts a recording, trace(nil) ends it.
local LEAST_LIMIT = 1024

local function trace_program()
  local arguments = rawget(_G, "arg")
  local script = type(arguments) == "table" and arguments[0]
  return type(script) == "string" and script or private.current().name
end

function mm.trace(path, options)
  private.expect(not private.settings(), "trace", "the program itself records, not a worker", 2)
  if path == nil then return private.trace_stop() end
  private.expect(type(path) == "string", "trace", "the name of a file expected, got " .. type(path), 2)
  private.expect(options == nil or type(options) == "table", "trace", "options: a table expected", 2)
  options = options or {}
  private.check_options(options, { limit = true }, "trace")
  local limit = options.limit
  private.expect(limit == nil or (type(limit) == "number" and limit >= LEAST_LIMIT and limit < 2 ^ 53), "trace",
    "limit: a number of events, " .. LEAST_LIMIT .. " or more, expected, got " .. tostring(limit), 2)
  return private.trace_start(path, trace_program(), limit)
end

-- gil() → what happened to the lock of this VM; gil{ schedule = "fair" or "legacy" } chooses who is next
local function check_schedule(schedule, where)
  local is_known = schedule == nil or schedule == "fair" or schedule == "legacy"
  private.expect(is_known, where, "schedule: 'fair' or 'legacy' expected, got " .. tostring(schedule), 3)
end

function mm.gil(options)
  if options ~= nil then
    private.expect(type(options) == "table", "gil", "a table of options expected, got " .. type(options))
    private.check_options(options, { schedule = true }, "gil")
    check_schedule(options.schedule, "gil")
    private.gil_set(options.schedule)
  end
  return private.gil()
end

function mm.setswitchinterval(seconds)
  private.expect(type(seconds) == "number" and seconds > 0 and seconds <= 1000, "setswitchinterval",
    "a number of seconds above 0 expected, got " .. tostring(seconds))
  private.gil_set(nil, seconds)
end

function mm.getswitchinterval() return private.gil().interval end

local wanted_schedule = os.getenv("MANYMOONS_GIL")
if wanted_schedule and wanted_schedule ~= "" then
  check_schedule(wanted_schedule, "MANYMOONS_GIL")
  private.gil_set(wanted_schedule)
end

mm.time = private.time
mm.sleep = private.sleep
private.end_children = process.shutdown
mm.cpu_count = private.cpu_count
mm.dumps = private.dumps
mm.loads = private.loads
mm.register = private.register
mm.active_children = process.active_children
mm.version = "0.1.0"
mm._private = private
-- A metatable that is found below a module travels by its name.
mm._classes = { Condition = sync.Condition, Barrier = sync.Barrier, SharedMemory = memory.SharedMemoryClass,
  Proxy = manager.Proxy, EngineQueue = private.engine_classes.Queue,
  EngineJoinableQueue = private.engine_classes.JoinableQueue }
mm.connect = manager.connect
mm._serve = private.manager_server.serve

mm.register("mm.Error", Error)

-- "join": waits for the children that are not daemons; both ways nothing is left afterwards.
function private.shutdown(how)
  for _, handle in ipairs(private.thread() and private.settings().handles or {}) do handle:close() end
  pool.shutdown()
  process.shutdown(how)
  if private.thread() and private.schedulers then private.schedulers.end_thread() end
  manager.end_thread()
  memory.shutdown()
  if not private.thread() and private.current().world ~= "interpreters" then private.stop_forkserver() end
end

function private.after_fork()
  pool.after_fork()
  process.after_fork()
  if private.schedulers then private.schedulers.after_fork() end
  manager.after_fork()
  people = {}
end

seal_all(mm)

local is_world = {}
for _, name in ipairs(names) do is_world[name] = true end

setmetatable(mm, {
  __index = function(_, key)
    if is_world[key] then return mm.world(key) end
    return mm.world(default_world)[key]
  end,
})

check_world(default_world, "MANYMOONS_WORLD")

return mm
