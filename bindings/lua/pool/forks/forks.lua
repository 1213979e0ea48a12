-- SPDX-License-Identifier: MIT
-- A pool as its tasks have it: the dispatcher of what a task gives to its own pool. The other dispatchers are
-- pool/dispatcher.lua and broker/client.lua; the interface is in pool/backend.lua.
--
-- Each worker has a pool of its own kind, with a line of tasks that have not begun. A waiter runs tasks until what it
-- waits for is done: the youngest of its own line first, then the oldest of other workers. So a tree of tasks runs
-- depth first in each worker, and idle workers get large parts of it.
--
-- A task that waits lies below the tasks that it runs meanwhile, on one stack. That ends, because a task waits for what
-- it has made: let T1 lie on top of one worker's stack and wait for U2, which lies below T2 on another one's, where T2
-- waits for U1 below T1. A task is older than what it has made, and than what lies above it: T1 before U2 before T2
-- before U1 before T1, which cannot be. A task that nobody has begun can always be had by its own worker. So some
-- task can always run.
--
--   pool   _config, _dispatcher; _queue (pool/tasks.lua: callbacks, deferred); _port: how its workers share work;
--          _line, _first, _last: tasks that have not begun, the oldest first; _running: the set of those that this
--          worker runs, _depth: how many; _name: of the worker; in a pool with a seed _stream_place: of the task that
--          runs, nil: of the pool's own, and _children: how many calls it has made
--   task   as in pool/backend.lua, and f, its function; owner: the pool to which it was given; is_gone: cancelled
--   port   pool/forks/apart.lua for workers with a VM of their own, pool/forks/beside.lua for those of one VM:
--          offer(pool), take_back(pool) → task, help(pool) → boolean, answers(pool), wait(pool, seconds),
--          finished(pool), …
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local streams = require("async.streams")
local dispatcher = require("pool.dispatcher")
local protocol = require("pool.protocol")
local tasks = require("pool.tasks")
local travelling = require("pool.forks.travelling")

local unpack, pack = checks.unpack, checks.pack
local time = native.time
local CALL, STARMAP = protocol.CALL, protocol.STARMAP

-- So many tasks on one C stack: each takes some of the 200 C calls that Lua allows.
local DEEP = 24

local forks = {}

-- config: of the pool, as its tasks have it; name: of the worker
function forks.new(config, name, port)
  return setmetatable({
    _config = config, _dispatcher = forks, _port = port, _queue = tasks.new_queue(), _name = name, _line = {},
    _first = 1, _last = 0, _last_id = 0, _running = {}, _depth = 0, _children = 0,
  }, travelling.meta)
end

-- The line --------------------------------------------------------------------------------------------

function forks.push(pool, task)
  local last = pool._last + 1
  pool._last, pool._line[last] = last, task
end

-- The youngest task that has not begun; nil: there is none.
local function take_youngest(pool)
  local line, last, task = pool._line, pool._last, nil
  while last >= pool._first and not task do
    task, line[last] = line[last], nil
    last = last - 1
    if task.is_gone then task = nil end
  end
  pool._last = last
  return task
end

function forks.take_oldest(pool)
  local line, first, task = pool._line, pool._first, nil
  while first <= pool._last and not task do
    task, line[first] = line[first], nil
    first = first + 1
    if task.is_gone then task = nil end
  end
  pool._first = first
  return task
end

-- Running ---------------------------------------------------------------------------------------------

-- In a protected call: more results than the stack holds are an error of the call.
local function packed(f, ...) return pack(f(...)) end

local function finish(task)
  local owner = task.owner
  task.sink:finished(task)
  if owner then owner._port.finished(owner) end
end

-- The task's one call has ended.
function forks.answer_call(task, ok, results)
  task.answered = 1
  task.sink:take_call(task, ok, results)
  finish(task)
end

function forks.answer_slice(task, ns, results, failures)
  task.answered = task.count
  task.sink:take(task, 1, task.count, ns, results, failures)
  finish(task)
end

-- Each item of the task has failed.
function forks.fail(task, make_error)
  for index = 1, task.count do task.sink:fail(task, index, make_error()) end
  finish(task)
end

-- The task's worker is dead, and with it, most likely, what would have asked for the result.
function forks.bury(task, make_error)
  if task.sink.future then task.sink.future._is_heard = true end
  forks.fail(task, make_error)
end

-- The streams of random numbers: an item of a list draws from that of its place, a call from one that follows from the
-- place of the task that has made it, and how many that has made before.
local function begin_stream(pool, place)
  if not pool._config.seed then return nil end
  local before = {
    place = pool._stream_place, children = pool._children, stream = streams.begin(pool._config.seed, place),
  }
  pool._stream_place, pool._children = place, 0
  return before
end

local function end_stream(pool, before)
  if not before then return end
  streams.finish(before.stream)
  pool._stream_place, pool._children = before.place, before.children
end

local function run_call(pool, task)
  local before = begin_stream(pool, task.place)
  local ok, results = errors.call_here(pool._name, packed, task.f, unpack(task.args, 1, task.args.n))
  end_stream(pool, before)
  if ok then ok, results = pool._port.results(results) end
  forks.answer_call(task, ok, ok and results or pack(results))
end

local function run_slice(pool, task)
  local begun, name, results, failures = time(), pool._name, {}, nil
  local call = task.mode == STARMAP and errors.call_with_list or errors.call_here
  for i = 1, task.count do
    local before = begin_stream(pool, task.base + i)
    local ok, result = call(name, task.f, task.list[task.first + i - 1])
    end_stream(pool, before)
    if ok then
      results[i] = result
    else
      failures = failures or {}
      failures[i] = result
    end
  end
  local copied, new_failures = pool._port.list_results(results, task.count, failures)
  forks.answer_slice(task, (time() - begun) * 1e9, copied, new_failures)
end

local function run_here(pool, task)
  if task.mode == CALL then run_call(pool, task) else run_slice(pool, task) end
end

-- The worker whose pool it is runs a task, of its own or another worker's.
function forks.run(pool, task)
  local depth = pool._depth + 1
  pool._depth, pool._running[task] = depth, true
  if depth % DEEP == 0 then native.deep_call(run_here, pool, task) else run_here(pool, task) end
  pool._depth, pool._running[task] = pool._depth - 1, nil
end

-- Whether there was a task to run.
local function step(pool)
  local task = take_youngest(pool) or pool._port.take_back(pool)
  if not task then return pool._port.help(pool) end
  forks.run(pool, task)
  return true
end

-- Takes the answers that are there. Whether the thing is done.
local function look(pool, thing)
  pool._port.answers(pool)
  if #pool._queue.callbacks > 0 then dispatcher.run_callbacks(pool) end
  return thing._is_done
end

-- Runs what the tasks of the worker have left, which has nothing else to do. Whether there was something.
function forks.serve(pool)
  local any = false
  pool._stream_place, pool._children = nil, 0
  look(pool, pool)
  while step(pool) do
    any = true
    look(pool, pool)
  end
  return any
end

-- The dispatcher --------------------------------------------------------------------------------------

-- The last function that is kept as it is has one entry for all its calls.
function forks.add_function(pool, f)
  local kept, entry = pool._port.keep_function(pool, f), pool._entry
  if entry and entry.f == kept then
    entry.users = entry.users + 1
    return entry
  end
  entry = { f = kept, users = 1 }
  pool._entry = entry
  return entry
end
function forks.drop_function(_, entry) entry.users = entry.users - 1 end

local function has_ended(pool) return pool._port.has_ended(pool) end

-- A call's task has all its fields when it is made: so it is one piece of memory.
function forks.put(pool, task)
  if task.timeout then
    checks.fail("Pool: timeout: not for what a task gives to its own pool; that of the pool's call counts for all")
  end
  if has_ended(pool) then errors.raise(errors.of_kind("cancelled", "the pool was terminated")) end
  local id = pool._last_id + 1
  pool._last_id, task.id = id, id
  task.owner, task.f, task.answered, task.skip = pool, task.entry.f, 0, 0
  pool._port.keep_arguments(task)
  forks.push(pool, task)
  pool._port.offer(pool)
  return task
end

function forks.next_place(pool)
  if not pool._config.seed then return nil end
  pool._children = pool._children + 1
  return streams.child_place(pool._stream_place or pool._port.place(pool), pool._children)
end

function forks.submit_call(pool, f, opts, args, sink, _, entry)
  return forks.put(pool, {
    mode = CALL, entry = entry or forks.add_function(pool, f), sink = sink, args = args, count = 1,
    timeout = opts and opts.timeout, retries = opts and opts.retries or 0,
    place = pool._config.seed and (opts and opts.place or forks.next_place(pool)),
    id = nil, owner = nil, f = nil, answered = nil, skip = nil,
  })
end

local function cancel_task(pool, task)
  if task.answered > 0 or task.is_gone or pool._running[task] then return false end
  if not pool._port.withdraw(pool, task) then return false end
  task.is_gone = true
  forks.fail(task, dispatcher.cancelled_error)
  return true
end

-- What has begun goes on.
function forks.cancel(pool, work)
  local any = false
  for _, task in pairs(work.tasks or { work }) do any = cancel_task(pool, task) or any end
  return any
end

-- The worker ends in the middle, and its items fail; of what they have made nothing is said.
function forks.withdraw(pool, work)
  forks.cancel(pool, work)
  return 0
end

function forks.is_running(pool, work)
  for _, task in pairs(work.tasks or { work }) do
    if pool._running[task] then return true end
  end
  return false
end

-- The caller runs tasks if it is a worker of the pool, and one at least.
function forks.pump_until(pool, thing, timeout)
  local due, caller = timeout and time() + timeout, pool._port.caller(pool)
  while not look(pool, thing) do
    if has_ended(pool) then return nil, "cancelled" end
    local has_run = caller and step(caller)
    local left = due and due - time()
    if left and left <= 0 then
      if look(pool, thing) then return true end
      return nil, "timeout"
    end
    if not has_run then pool._port.wait(pool, left) end
  end
  return true
end

-- Of a future that is not done. Nothing is left in the line of a caller that sleeps.
function forks.waitable(pool, thing)
  local caller = pool._port.caller(pool)
  while caller and not look(pool, thing) and step(caller) do end -- each step is one task
  return pool._port.waitable(pool, thing)
end

function forks.maintain(pool)
  look(pool, pool)
  return false
end

function forks.check_open() end
function forks.size(pool) return pool._config.workers end
function forks.is_closed(pool) return has_ended(pool) end
forks.has_ended = has_ended
function forks.failure() return nil end
function forks.is_open(_, task) return task.answered == 0 and not task.is_gone end
function forks.take_last(pool) pool._port.answers(pool) end
function forks.terminate() end
function forks.abandon() end

for _, name in ipairs({ "measures", "stats", "close", "join", "resize", "post", "schedule", "unschedule", "dead",
  "retry" }) do
  forks[name] = function()
    checks.fail("Pool:" .. name .. ": not for a task of the pool, which can only give it work")
  end
end

return forks
