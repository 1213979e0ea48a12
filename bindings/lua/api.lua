-- SPDX-License-Identifier: MIT
-- The public table of the module: worlds, errors, and the names of the default world.
--
-- module.c runs this file once in a VM, and `require "manymoons"` returns its result. All worlds have the same names;
-- mm.Pool, mm.Queue, … are looked up in the default world at each use. This file only assembles the rooms. Those that
-- not each program needs are loaded when a function of theirs is first called: a VM's memory, its collections and the
-- forks of its process cost less without them.
-- It runs on Lua 5.1, LuaJIT and Lua 5.4.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local maintenance = require("core.maintenance")
local wait = require("core.wait")
local waits = require("core.waits")
local worlds = require("core.worlds")
local file_lock = require("locks.file_lock")
local locks = require("locks.locks")
local memory = require("memory.memory")
local many = require("queues.many")
local queues = require("queues.queues")
local listener = require("net.listener")
local actors = require("actors.actor")
local broker_classes = require("broker.classes")
local children = require("worker.children")
local gil = require("worker.gil")
local travelling = require("pool.forks.travelling")
local log = require("worker.log")
local process = require("worker.process")
local starting = require("worker.start")
local serial = require("worker.serial")
local proxies = require("manager.proxies")

local mm = { worlds = worlds.names, Error = errors.Error, version = native.version }

-- Worlds ----------------------------------------------------------------------------------------------

local made = {} -- worlds by name

function broker_classes.complete() require("broker.queue") end

function travelling.receive()
  require("pool.pool")
  return require("pool.forks.apart").pool()
end

local function open_broker_pool(options)
  local settings = require("broker.settings")
  return require("broker.client").begin(setmetatable(settings.read_pool(options), require("pool.pool").meta))
end

local function open_broker_queue(kind, options) return require("broker.queue").new(kind, options) end

local function add_all(world, names)
  for name, value in pairs(names) do world[name] = value end
end

local function add_tasks(world)
  require("async.init")
  add_all(world, require("async.async"))
  add_all(world, require("pool.offload").tasks)
  function world.patch_socket() require("async.luasocket").patch_socket() end
end

-- The constructor of a world's pools.
local function pool_constructor(name)
  local make
  return function(...)
    make = make or require("pool.pool").class(name, open_broker_pool)
    return make(...)
  end
end

local function make_world(name)
  local world, row = { name = name }, worlds.get(name)
  world.Process = row.is_immediate and serial.class(name) or process.class(name)
  world.Pool = pool_constructor(name)
  add_all(world, queues.constructors(row, open_broker_queue))
  add_all(world, locks.constructors(not row.can_wait, row.is_tasks and require("async.conditions") or nil))
  world.Value, world.Array, world.SharedMemory = memory.Value, memory.Array, memory.SharedMemory
  world.Table = memory.Table
  world.freeze, world.thaw = memory.freeze, memory.thaw
  world.FileLock = file_lock.FileLock
  world.Listener, world.Client = listener.Listener, listener.Client
  world.Actor = actors.class(name)
  function world.Manager(options) return require("manager.client").constructor(name, mm.world)(options) end
  world.wait = wait(not row.can_wait)
  function world.select(list, timeout) return many.select(world.wait, list, timeout) end
  function world.as_completed(...) return require("pool.pool").as_completed(world.wait, ...) end
  world.sleep = waits.sleep
  world.current_process = mm.current_process
  world.parent_process = mm.parent_process
  world.active_children = children.active
  world.cpu_count = native.cpu_count
  if row.is_tasks then add_tasks(world) end
  return world
end

-- Public functions are sent by name, like the C functions of a loaded module, and not as code with upvalues.
local function seal_all(list)
  for key, value in pairs(list) do
    if type(value) == "function" then list[key] = native.seal(value) end
  end
  return list
end

-- A name that is spelt almost like a function or a world of these raises, since a call of nil would say less. Other
-- names that are absent are nil, as scripts expect that ask for a name of a later version.
local function refuse_misspelt(where, key, ...)
  if type(key) ~= "string" or key:find("^_") then return nil end
  local all = {}
  for _, names in ipairs({ ... }) do
    for name, value in pairs(names) do
      if type(value) == "function" or type(value) == "table" then all[name] = true end
    end
  end
  local best, is_beginning = checks.nearest(key, all)
  if not best or is_beginning then return nil end
  checks.fail(("unknown name '%s.%s': did you mean '%s.%s'?"):format(where, key, where, best))
end

-- A world is also a module, so that a function sent to a worker finds it there by name.
function mm.world(name)
  worlds.check(name, "world")
  if not made[name] then
    local world = seal_all(make_world(name))
    made[name] = setmetatable(world, {
      __index = function(_, key) return refuse_misspelt("mm." .. name, key, world) end,
    })
    package.loaded["manymoons." .. name] = made[name]
  end
  return made[name]
end

function mm.set_world(name)
  worlds.check(name, "set_world")
  worlds.set_default(name)
end

mm.current_world = worlds.default

-- The rest --------------------------------------------------------------------------------------------

mm.current_process, mm.parent_process = identity.current, identity.parent
mm.active_children = children.active
mm.set_start_method, mm.get_start_method = starting.set_start_method, starting.get_start_method
mm.time, mm.sleep, mm.cpu_count = native.time, waits.sleep, native.cpu_count
mm.cancelled = waits.is_cancelled
mm.log_to_stderr, mm.get_logger = log.log_to_stderr, log.get_logger
mm.Descriptor = native.Descriptor
mm.dumps, mm.loads, mm.register = native.dumps, native.loads, native.register
-- What mm.release returns is a function that can be sent: it calls this one, by name.
function mm._call_released(f, ...) return require("pool.offload").call_released(f, ...) end
function mm.release(f) return require("pool.offload").release(f, mm._call_released) end
-- What the workers of `manymoons map` run, found there by its name.
function mm._map_slice(...) return require("map.program").run(...) end
function mm.trace(...) return require("timeline.recording").trace(...) end
function mm.profile(...) return require("profile.session").profile(...) end
function mm.progress(...) return require("terminal.progress").progress(...) end
mm.gil, mm.setswitchinterval, mm.getswitchinterval = gil.gil, gil.setswitchinterval, gil.getswitchinterval
-- Managers are loaded when one is first used.
function mm.connect(...) return require("manager.client").connect(...) end
-- Posted tasks, by their ids, from any program.
function mm.result(...) return require("broker.posting").result(...) end
function mm.cancel(...) return require("broker.posting").cancel(...) end
function mm.status(...) return require("broker.posting").status(...) end
-- The task of a broker that the caller runs.
function mm.task()
  local current = native.loaded("broker.current")
  return current and current.task() or nil
end
local function serve(...) return require("manager.server").serve(...) end
local function serve_actor(...) return require("actors.server").serve(...) end
-- What the workers of Pool:sort run where there is no function that compares.
function mm._sort_items(...) return require("pool.lists.whole").sort_items(...) end
-- What a worker calls when tasks have given work to their own pool.
function mm._serve_forks() return require("pool.forks.apart").serve() end

-- For the subcommands of the host program, and for the workers that this library starts itself.
mm._native, mm._require, mm._serve, mm._serve_actor = native, require, serve, serve_actor
-- A metatable that is a field of a module is sent by name.
mm._classes = { Condition = locks.Condition, Barrier = locks.Barrier, FileLock = file_lock.class,
  SharedMemory = memory.SharedMemoryClass, Struct = memory.StructClass, StructArray = memory.StructArrayClass,
  SocketConnection = listener.connection_meta, Listener = listener.listener_meta,
  ParentProcess = identity.parent_meta, Logger = log.logger_meta, Actor = actors.meta, Pool = travelling.meta,
  Proxy = proxies.meta, ForeignProxy = proxies.foreign_meta, BrokerQueue = broker_classes.Queue,
  BrokerJoinableQueue = broker_classes.JoinableQueue }

mm.register("mm.Error", errors.Error)

-- Calls a function of a room that has been loaded.
local function tell(name, event, ...)
  local room = native.loaded(name)
  if room then room[event](...) end
end

-- how: "join" waits for the children that are not daemons, "terminate" stops all. No worker is left afterwards.
local function shutdown(how)
  for _, handle in ipairs(native.thread() and native.settings().handles or {}) do handle:close() end
  tell("pool.pool", "shutdown", how == "join")
  children.shutdown(how)
  if not native.thread() then native.end_leaving_workers() end
  if native.thread() and waits.tasks then waits.tasks.end_thread() end
  proxies.end_thread()
  if not native.thread() then tell("terminal.bars", "close_all") end
  memory.shutdown()
  local row = worlds.get(identity.current().world)
  if not native.thread() and not (row and row.start == "interpreter") then native.stop_forkserver() end
  if not native.thread() then
    tell("timeline.recording", "finish")
    tell("profile.session", "finish")
  end
end

local function after_fork()
  maintenance.after_fork()
  tell("terminal.bars", "after_fork")
  tell("pool.pool", "after_fork")
  tell("actors.supervisor", "after_fork")
  process.after_fork()
  if waits.tasks then waits.tasks.after_fork() end
  proxies.after_fork()
  memory.after_fork()
  file_lock.after_fork()
  identity.after_fork()
  tell("timeline.recording", "after_fork")
  tell("profile.session", "after_fork")
end

native.on_end(shutdown, after_fork)
seal_all(mm)

setmetatable(mm, {
  __index = function(_, key)
    if worlds.get(key) then return mm.world(key) end
    local default = mm.world(worlds.default())
    local value = rawget(default, key)
    if value == nil then refuse_misspelt("mm", key, default, mm, worlds.rows) end
    return value
  end,
})

worlds.check(worlds.default(), "MANYMOONS_WORLD")

return mm
