-- SPDX-License-Identifier: MIT
-- Pool: its methods, and how one is made. The methods check their arguments, and call
-- dispatcher.lua, lists/map.lua and future.lua.
--
--   pool   _config, _dispatcher (pool/backend.lua), and the dispatcher's state; on this machine that is
--          _backend, _start_worker (pool/backend.lua), _queue (pool/tasks.lua) and _workers
--          (pool/workers.lua)
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local worlds = require("core.worlds")
local unheard = require("async.unheard")
local arguments = require("pool.arguments")
local backend = require("pool.backend")
local dispatcher = require("pool.dispatcher")
local future = require("pool.future")
local lists = require("pool.lists.map")
local open_pools = require("pool.open_pools")
local protocol = require("pool.protocol")
local retrying = require("pool.lists.retrying")
local rings_backend = require("pool.rings_backend")
local serial_backend = require("pool.local.serial_backend")
local tasks = require("pool.tasks")
local travelling = require("pool.forks.travelling")
local vm_backend = require("pool.local.vm_backend")
local workers = require("pool.workers")

local pack = checks.pack

local MAP, STARMAP = protocol.MAP, protocol.STARMAP

local Pool = {}
local meta = travelling.meta
meta.__index = Pool

-- Raises unless `self` is a pool that takes work. The pool; in a task of its own, the pool as the task has it.
local function check_open(self, where)
  checks.self(self, meta, where)
  return self._dispatcher.check_open(self, where) or self
end

-- On a broker a priority is an option of post.
local function check_call_options(self, where, n, opts, allowed)
  arguments.check_opts(where, n, opts, allowed)
  if opts and opts.priority and self._config.broker then
    checks.fail(where .. ": priority: not for a pool on a broker")
  end
end

-- Single calls ----------------------------------------------------------------------------------------

-- submit(f, …) → Future
function Pool.submit(self, f, ...)
  self = check_open(self, "Pool:submit")
  arguments.check_function("Pool:submit", 1, f, self._config.takes_text, ...)
  return future.submit(self, "submit", f, nil, pack(...))
end

-- apply(f, …) → the call's results
function Pool.apply(self, f, ...)
  self = check_open(self, "Pool:apply")
  arguments.check_function("Pool:apply", 1, f, self._config.takes_text, ...)
  return future.call(self, "apply", f, nil, pack(...))
end

-- apply_async(f, arguments, { timeout =, retries =, callback =, error_callback = }) → Future
function Pool.apply_async(self, f, args, opts)
  self = check_open(self, "Pool:apply_async")
  arguments.check_function("Pool:apply_async", 1, f, self._config.takes_text, args)
  args = arguments.copy_list("Pool:apply_async", 2, args or {})
  check_call_options(self, "Pool:apply_async", 3, opts, arguments.call)
  return future.submit(self, "apply_async", retrying(f, opts), opts, args)
end

-- Lists -----------------------------------------------------------------------------------------------

-- The pool, and the list's length.
local function check_map(self, where, f, list, opts, allowed)
  self = check_open(self, where)
  arguments.check_function(where, 1, f, self._config.takes_text, list)
  local count = arguments.check_list(where, 2, list)
  check_call_options(self, where, 3, opts, allowed)
  return self, count
end

function Pool.map(self, f, list, opts)
  local pool, count = check_map(self, "Pool:map", f, list, opts, arguments.map)
  return lists.map(pool, MAP, f, list, opts, count, "map")
end

function Pool.starmap(self, f, list, opts)
  local pool, count = check_map(self, "Pool:starmap", f, list, opts, arguments.map)
  return lists.map(pool, STARMAP, f, list, opts, count, "starmap")
end

function Pool.map_async(self, f, list, opts)
  local pool, count = check_map(self, "Pool:map_async", f, list, opts, arguments.async)
  return lists.map_async(pool, MAP, f, list, opts, count, "map_async")
end

function Pool.starmap_async(self, f, list, opts)
  local pool, count = check_map(self, "Pool:starmap_async", f, list, opts, arguments.async)
  return lists.map_async(pool, STARMAP, f, list, opts, count, "starmap_async")
end

local function imap(self, name, f, source, opts, is_ordered)
  local where = "Pool:" .. name
  self = check_open(self, where)
  arguments.check_function(where, 1, f, self._config.takes_text, source)
  check_call_options(self, where, 3, opts, arguments.imap)
  return lists.imap(self, f, arguments.items(where, source), opts, is_ordered, name)
end

function Pool.imap(self, f, source, opts) return imap(self, "imap", f, source, opts, true) end
function Pool.imap_unordered(self, f, source, opts) return imap(self, "imap_unordered", f, source, opts, false) end

-- op(op(init, f(list[1])), f(list[2])) …, for an associative op
function Pool.reduce(self, f, list, op, init, opts)
  self = check_open(self, "Pool:reduce")
  arguments.check_function("Pool:reduce", 1, f, false, list)
  local count = arguments.check_list("Pool:reduce", 2, list)
  arguments.check_function("Pool:reduce", 3, op)
  check_call_options(self, "Pool:reduce", 5, opts, arguments.fold)
  if init == nil and count == 0 then
    checks.fail("Pool:reduce: argument 2: an empty list, and no initial value")
  end
  return require("pool.lists.whole").reduce(self, f, list, op, init, opts, count)
end

-- The pool, and the list's length. The function is called by one of the library's, so that it cannot be a name.
local function check_whole(self, where, f, list, opts)
  self = check_open(self, where)
  arguments.check_function(where, 1, f)
  check_call_options(self, where, 3, opts, arguments.fold)
  return self, arguments.check_list(where, 2, list)
end

-- A new list of the items for which f is true, in their order
function Pool.filter(self, f, list, opts)
  local pool, count = check_whole(self, "Pool:filter", f, list, opts)
  return require("pool.lists.whole").filter(pool, f, list, opts, count)
end

-- The first item for which f is true, and its place; or nil
function Pool.find(self, f, list, opts)
  local pool, count = check_whole(self, "Pool:find", f, list, opts)
  return require("pool.lists.whole").find(pool, f, list, opts, count)
end

-- A new, sorted list; less(a, b) as of table.sort
function Pool.sort(self, list, less, opts)
  self = check_open(self, "Pool:sort")
  local count = arguments.check_list("Pool:sort", 1, list)
  if less ~= nil then arguments.check_function("Pool:sort", 2, less) end
  check_call_options(self, "Pool:sort", 3, opts, arguments.fold)
  return require("pool.lists.whole").sort(self, list, less, opts, count)
end

-- One call in each worker ------------------------------------------------------------------------------

local function check_local(self, where)
  local pool = check_open(self, where)
  if self._config.broker then checks.fail(where .. ": not for a pool on a broker, whose workers come and go") end
  if pool._port then checks.fail(where .. ": not for a task of the pool, which can only give it work") end
end

-- The first result of f(…) in each worker, in no order
function Pool.broadcast(self, f, ...)
  check_local(self, "Pool:broadcast")
  arguments.check_function("Pool:broadcast", 1, f)
  return require("pool.lists.broadcast")(self, self._config.world, f, ...)
end

-- True once all workers have started, and have run the initializer
function Pool.warm(self)
  check_local(self, "Pool:warm")
  require("pool.lists.broadcast")(self, self._config.world, function() end)
  return true
end

-- So many workers from now on: new ones start at once, those that are too many end when they have done what they run.
function Pool.resize(self, count)
  check_local(self, "Pool:resize")
  arguments.check_size("Pool:resize", 1, count)
  self._dispatcher.resize(self, count)
end

-- The end ---------------------------------------------------------------------------------------------

-- No more tasks; those that were submitted are done.
function Pool.close(self)
  checks.self(self, meta, "Pool:close")
  if self._dispatcher.is_closed(self) then return end
  open_pools.check_home(self, "Pool:close")
  lists.before_close(self)
  self._dispatcher.close(self)
end

-- Waits until everything is done and the workers are gone: true; or nil and "timeout".
function Pool.join(self, timeout)
  checks.self(self, meta, "Pool:join")
  if not self._dispatcher.is_closed(self) then
    checks.fail("Pool:join: the pool is still open; call close or terminate first")
  end
  open_pools.check_home(self, "Pool:join")
  timeout = checks.timeout(timeout, "Pool:join")
  local deadline = timeout and native.time() + timeout
  local put, why = future.await_deferred(self, deadline)
  if not put then return nil, why end
  return self._dispatcher.join(self, deadline)
end

-- Stops the workers at once; open tasks fail with kind "cancelled".
function Pool.terminate(self)
  checks.self(self, meta, "Pool:terminate")
  local own = self._dispatcher -- nil: the constructor failed
  if not own or own.has_ended(self) or self._config.pid ~= native.pid() then return end
  own.terminate(self)
end

-- The pool was collected: its workers end, and nothing waits for them.
local function abandon(self)
  local own = self._dispatcher
  if not own or own.has_ended(self) or self._config.pid ~= native.pid() then return end
  own.abandon(self)
end

-- For each worker: name, pid, tasks (calls that have ended), busy, waiting and startup (seconds),
-- bytes_in, bytes_out.
function Pool.stats(self)
  checks.self(self, meta, "Pool:stats")
  open_pools.check_home(self, "Pool:stats")
  return self._dispatcher.stats(self)
end

-- Of pools on a broker -------------------------------------------------------------------------------

-- The id of a task that the server has, and runs whatever becomes of this program (its outcome: mm.result);
-- or that of the task with the same key of its own, and "duplicate"
function Pool.post(self, f, args, opts)
  self = check_open(self, "Pool:post")
  arguments.check_function("Pool:post", 1, f, self._config.takes_text, args)
  args = arguments.copy_list("Pool:post", 2, args or {})
  arguments.check_opts("Pool:post", 3, opts, arguments.post)
  checks.expect(not (opts and opts.at and opts.delay), "Pool:post", "at: only without delay")
  checks.expect(not (opts and opts.key and not opts.at_most), "Pool:post", "key: only with at_most")
  local id, duplicate = self._dispatcher.post(self, f, args, opts)
  return id, duplicate
end

local function check_schedule(name, where)
  checks.expect(type(name) == "string" and #name <= 57 and name:find("^[%w_.-]+$"), where,
    "argument 1: a name of up to 57 letters, digits, '_', '.' and '-' expected, got " .. checks.show(name))
end

-- f runs at the times that a line of cron says (UTC), once for each, however many programs say so; the next time
function Pool.schedule(self, name, times, f, args, opts)
  self = check_open(self, "Pool:schedule")
  check_schedule(name, "Pool:schedule")
  checks.expect(type(times) == "string", "Pool:schedule",
    "argument 2: a line of cron expected, got " .. checks.show(times))
  arguments.check_function("Pool:schedule", 3, f, self._config.takes_text, args)
  args = arguments.copy_list("Pool:schedule", 4, args or {})
  arguments.check_opts("Pool:schedule", 5, opts, arguments.schedule)
  checks.expect(not (opts and opts.key and not opts.at_most), "Pool:schedule", "key: only with at_most")
  local at = self._dispatcher.schedule(self, name, times, f, args, opts)
  return at
end

-- Whether there was such a schedule.
function Pool.unschedule(self, name)
  self = check_open(self, "Pool:unschedule")
  check_schedule(name, "Pool:unschedule")
  local was_there = self._dispatcher.unschedule(self, name)
  return was_there
end

-- The dead letters, the newest last: { id, why, who, at, func, client, seq }
function Pool.dead(self)
  checks.self(self, meta, "Pool:dead")
  local list, why = self._dispatcher.dead(self)
  return list, why
end

-- Runs a dead letter again: true, and the id of a task that was posted; or nil and why.
function Pool.retry(self, id)
  checks.self(self, meta, "Pool:retry")
  checks.expect(type(id) == "string", "Pool:retry", "argument 1: the id of a dead letter expected, got " .. type(id))
  local done, why = self._dispatcher.retry(self, id)
  return done, why
end

-- Construction ----------------------------------------------------------------------------------------

local function describe(self)
  local config = self._config
  local place = config.broker and "'" .. config.name .. "' on " .. config.broker or config.workers .. " workers"
  return string.format("Pool: %s (%s)%s", place, config.world, self._dispatcher.is_closed(self) and ", closed" or "")
end

meta.__tostring, meta.__close, meta.__gc = describe, Pool.terminate, abandon

local backends = { serial = serial_backend, vm = vm_backend, rings = rings_backend }

local function config_of(world, row, options)
  return {
    name = options.name or "PoolWorker", row = row, world = world, workers = row.is_immediate and 1 or options.workers,
    initializer = options.initializer, initargs = options.initargs, finalizer = options.finalizer,
    max_tasks = options.maxtasksperchild,
    method = options.method, limits = options.limits, sandbox = options.sandbox, cpus = options.cpus,
    timeout = options.timeout, retries = 0, seed = options.seed, idle = options.idle,
    takes_text = false,
    pid = native.pid(),
    context = identity.execution_context(),
  }
end

local function new_pool(world, open_broker_pool, ...)
  local first = ...
  if type(first) == "table" and first.broker ~= nil then return open_broker_pool(first) end
  local options, row = arguments.of_pool(world, ...), worlds.get(world)
  local class = backends[row.backend]
  backend.check_class(class)
  local object, why = class.new(row)
  if not object then checks.fail("Pool: " .. why) end
  backend.check_backend(object)
  local self = setmetatable({
    _config = config_of(world, row, options), _dispatcher = dispatcher, _backend = object, _start_worker = class.start,
    _queue = tasks.new_queue(), _workers = workers.new(options.workers),
  }, meta)
  dispatcher.begin(self)
  return self
end

return {
  meta = meta,
  -- The constructor of a world's pools; open_broker_pool(options) makes those that are on a broker.
  class = function(world, open_broker_pool)
    return function(...) return new_pool(world, open_broker_pool, ...) end
  end,
  as_completed = future.as_completed,
  -- is_end: the program ends by itself.
  shutdown = function(is_end)
    if is_end then unheard.tell() end
    for _, pool in ipairs(open_pools.all_here()) do Pool.terminate(pool) end
  end,
  after_fork = function()
    open_pools.after_fork()
    unheard.after_fork()
  end,
}
