-- SPDX-License-Identifier: MIT
-- Pool: its methods, and how one is made. What they do is in pool_dispatch.lua, pool_lists.lua and future.lua.
local private = ...

local unpack, pack = private.unpack, private.pack
local dispatch = private.load("pool_dispatch")(private)
private.pool_dispatch = dispatch
local future = private.load("future")(private, dispatch)
local lists = private.load("pool_lists")(private, dispatch, future)
local arguments = private.load("pool_arguments")(private)
local runner = private.load("pool_runner")(private)
local new_thread_core = private.load("thread_pool")(private, runner)
local new_serial_core = private.load("serial_pool")(private, runner)

local MAP, STARMAP = 1, 2

local Pool = {}

-- Single calls ----------------------------------------------------------------------------------------

-- submit(f, …) → Future
function Pool.submit(self, f, ...)
  self._dispatch.check_open(self, "Pool:submit")
  arguments.check_function("Pool:submit", 1, f, self._takes_text)
  return future.submit(self, f, nil, pack(...), true)
end

-- apply(f, …) → the call's results
function Pool.apply(self, f, ...)
  self._dispatch.check_open(self, "Pool:apply")
  arguments.check_function("Pool:apply", 1, f, self._takes_text)
  return future.submit(self, f, nil, pack(...), false):get()
end

-- apply_async(f, arguments, { timeout =, retries =, callback =, error_callback = }) → Future
function Pool.apply_async(self, f, args, opts)
  self._dispatch.check_open(self, "Pool:apply_async")
  arguments.check_function("Pool:apply_async", 1, f, self._takes_text)
  if args ~= nil then arguments.check_list("Pool:apply_async", 2, args) end
  arguments.check_opts("Pool:apply_async", 3, opts, arguments.call)
  args = args or {}
  return future.submit(self, f, opts, { n = args.n or #args, unpack(args, 1, args.n or #args) }, true)
end

-- Lists -----------------------------------------------------------------------------------------------

local function check_map(self, where, f, list, opts, allowed)
  self._dispatch.check_open(self, where)
  arguments.check_function(where, 1, f, self._takes_text)
  arguments.check_list(where, 2, list)
  arguments.check_opts(where, 3, opts, allowed)
end

function Pool.map(self, f, list, opts)
  check_map(self, "Pool:map", f, list, opts, arguments.map)
  return lists.map(self, MAP, f, list, opts)
end

function Pool.starmap(self, f, list, opts)
  check_map(self, "Pool:starmap", f, list, opts, arguments.map)
  return lists.map(self, STARMAP, f, list, opts)
end

function Pool.map_async(self, f, list, opts)
  check_map(self, "Pool:map_async", f, list, opts, arguments.async)
  return lists.map_async(self, MAP, f, list, opts)
end

function Pool.starmap_async(self, f, list, opts)
  check_map(self, "Pool:starmap_async", f, list, opts, arguments.async)
  return lists.map_async(self, STARMAP, f, list, opts)
end

local function imap(self, where, f, source, opts, is_ordered)
  self._dispatch.check_open(self, where)
  arguments.check_function(where, 1, f, self._takes_text)
  arguments.check_opts(where, 3, opts, arguments.imap)
  local next_item, total = arguments.items(where, source)
  return lists.stream(self, f, next_item, total, opts, is_ordered)
end

function Pool.imap(self, f, source, opts) return imap(self, "Pool:imap", f, source, opts, true) end
function Pool.imap_unordered(self, f, source, opts) return imap(self, "Pool:imap_unordered", f, source, opts, false) end

-- op(op(init, f(list[1])), f(list[2])) …, for an associative op
function Pool.reduce(self, f, list, op, init, opts)
  self._dispatch.check_open(self, "Pool:reduce")
  arguments.check_function("Pool:reduce", 1, f)
  arguments.check_list("Pool:reduce", 2, list)
  arguments.check_function("Pool:reduce", 3, op)
  arguments.check_opts("Pool:reduce", 5, opts, arguments.fold)
  if init == nil and (list.n or #list) == 0 then
    error("Pool:reduce: argument 2: an empty list, and no initial value", 2)
  end
  return lists.reduce(self, f, list, op, init, opts)
end

-- The end ---------------------------------------------------------------------------------------------

-- No more tasks; what was submitted is done.
function Pool.close(self)
  if not self._closed then self._dispatch.close(self) end
end

-- Waits until everything is done and the workers are gone: true; or nil and "timeout".
function Pool.join(self, timeout)
  if not self._closed then error("Pool:join: the pool is still open; call close or terminate first", 2) end
  private.expect(timeout == nil or type(timeout) == "number", "Pool:join",
    "timeout: a number of seconds expected, got " .. type(timeout))
  return self._dispatch.join(self, timeout and private.time() + timeout)
end

-- Stops the workers at once; what was open fails with kind "cancelled".
function Pool.terminate(self)
  if self._ended or self._pid ~= private.pid() then return end
  self._dispatch.terminate(self)
end

-- For each worker: name, pid, tasks (calls that have ended), busy, waiting and startup (seconds), bytes_in, bytes_out.
function Pool.stats(self) return self._dispatch.stats(self) end

-- Of pools on an engine ------------------------------------------------------------------------------

-- Tasks that were given up, the newest last: { id, why, who, at, f, … }
function Pool.dead(self)
  if not self._dispatch.dead then error("Pool:dead: this pool is not on an engine", 2) end
  return self._dispatch.dead(self)
end

-- Runs such a task again, though nobody waits for its result any more. True; or nil and why.
function Pool.retry(self, id)
  if not self._dispatch.retry then error("Pool:retry: this pool is not on an engine", 2) end
  private.expect(type(id) == "string", "Pool:retry", "argument 1: the id of a dead letter expected, got " .. type(id))
  return self._dispatch.retry(self, id)
end

-- Construction ----------------------------------------------------------------------------------------

local function describe(self)
  local place = self._engine and "'" .. self._name .. "' on " .. self._engine or self._size .. " workers"
  return string.format("Pool: %s (%s)%s", place, self._world, self._closed and ", closed" or "")
end

local meta = {
  __index = Pool,
  __name = "Pool",
  __tostring = describe,
  __close = Pool.terminate,
  __gc = Pool.terminate,
}

local function settings_for(pool, name)
  local settings = private.worker_settings(pool._world, name, true)
  settings.maxtasksperchild = pool._maxtasks
  settings.limits = pool._limits
  return settings
end

local function start_here(pool, name) return pool._core:start(pool, name, settings_for(pool, name)) end

local function start_elsewhere(pool, name)
  local args = pool._initargs
  local method = private.start_method(pool._world, nil, pool._limits)
  return private.start_worker("Pool", method, settings_for(pool, name), pool._core, pool._initializer,
    unpack(args, 1, args.n))
end

local function new_core(world)
  if world == "threads" then return new_thread_core("thread") end
  if world == "async" then return new_thread_core("task") end
  if world == "serial" then return new_serial_core() end
  return private.pool_core_new()
end

-- Pool{ engine = "redis://…", name = } → many machines; what it needs is loaded when there is one
local function new_engine_pool(options)
  local engine = private.engine()
  return engine.begin_pool(setmetatable(engine.read_pool(options, 5), meta))
end

local function new_pool(world, ...)
  local first = ...
  if type(first) == "table" and first.engine ~= nil then return new_engine_pool(first) end
  local options = arguments.of_pool(world, ...)
  local core, why = new_core(world)
  if not core then error("Pool: " .. why, 3) end
  local is_here = world == "threads" or world == "serial" or world == "async"
  local self = setmetatable({
    _world = world,
    _core = core,
    _next_name = dispatch.next_name,
    _start_worker = is_here and start_here or start_elsewhere,
    _size = world == "serial" and 1 or options.workers,
    _name = options.name or "PoolWorker",
    _initializer = options.initializer,
    _initargs = options.initargs,
    _maxtasks = options.maxtasksperchild,
    _limits = options.limits,
    _timeout = options.timeout, -- of each item, where the call says no other
  }, meta)
  dispatch.begin(self)
  return self
end

-- Pools and queues on an engine: engine.lua. Its queues are known by their metatables, which get their methods when
-- they are first used.
local engine
local function lazy_class(name)
  return {
    __name = name,
    __index = function(self, key)
      private.engine().part("queue")
      return getmetatable(self).__index[key]
    end,
  }
end

private.engine_classes = { Queue = lazy_class("Queue"), JoinableQueue = lazy_class("JoinableQueue") }

function private.engine()
  engine = engine or private.load("engine")(private, dispatch)
  return engine
end

return {
  class = function(world)
    return function(...) return new_pool(world, ...) end
  end,
  as_completed = future.as_completed,
  is_future = future.is_future,
  report = dispatch.report,
  on_collection = dispatch.on_collection,
  shutdown = function()
    for _, pool in ipairs(dispatch.all_here()) do Pool.terminate(pool) end
  end,
  after_fork = dispatch.after_fork,
}
