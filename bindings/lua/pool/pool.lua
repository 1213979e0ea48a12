-- SPDX-License-Identifier: MIT
-- Pool: its methods, and how one is made. What they do is in dispatcher.lua, map.lua and future.lua.
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")
local arguments = require("pool.arguments")
local dispatch = require("pool.dispatcher")
local future = require("pool.future")
local lists = require("pool.map")
local serial_backend = require("pool.serial_backend")
local vm_backend = require("pool.vm_backend")
local starting = require("worker.start")

local unpack, pack = checks.unpack, checks.pack

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
  return lists.imap(self, f, next_item, total, opts, is_ordered)
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
  checks.expect(timeout == nil or type(timeout) == "number", "Pool:join",
    "timeout: a number of seconds expected, got " .. type(timeout))
  return self._dispatch.join(self, timeout and native.time() + timeout)
end

-- Stops the workers at once; what was open fails with kind "cancelled".
function Pool.terminate(self)
  if self._ended or self._pid ~= native.pid() then return end
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
  checks.expect(type(id) == "string", "Pool:retry", "argument 1: the id of a dead letter expected, got " .. type(id))
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
  local settings = starting.settings(pool._world, name, true)
  settings.maxtasksperchild = pool._maxtasks
  settings.limits = pool._limits
  return settings
end

local function start_here(pool, name) return pool._core:start(pool, name, settings_for(pool, name)) end

local function start_elsewhere(pool, name)
  local args = pool._initargs
  local method = starting.method_of(pool._world, nil, pool._limits)
  return starting.start("Pool", method, settings_for(pool, name), pool._core, pool._initializer,
    unpack(args, 1, args.n))
end

local new_core = {
  serial = serial_backend,
  vm = function(row) return vm_backend(row.start) end,
  rings = native.pool_core_new,
}

local function new_pool(world, open_broker_pool, ...)
  local first = ...
  if type(first) == "table" and first.engine ~= nil then return open_broker_pool(first) end
  local options, row = arguments.of_pool(world, ...), worlds.get(world)
  local core, why = new_core[row.backend](row)
  if not core then error("Pool: " .. why, 3) end
  local self = setmetatable({
    _row = row,
    _world = world,
    _core = core,
    _next_name = dispatch.next_name,
    _start_worker = row.has_own_vm and start_elsewhere or start_here,
    _size = row.is_immediate and 1 or options.workers,
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

return {
  meta = meta,
  -- The constructor of a world's pools; open_broker_pool(options) makes those that are on a broker.
  class = function(world, open_broker_pool)
    return function(...) return new_pool(world, open_broker_pool, ...) end
  end,
  as_completed = future.as_completed,
  shutdown = function()
    for _, pool in ipairs(dispatch.all_here()) do Pool.terminate(pool) end
  end,
  after_fork = dispatch.after_fork,
}
