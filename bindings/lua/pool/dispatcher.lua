-- SPDX-License-Identifier: MIT
-- The dispatcher of a pool of this machine: it knows which worker has which task. Policy only; a
-- backend carries tasks and results. Both interfaces, and the protocol between lists and a
-- dispatcher, are in pool/backend.lua. The dispatcher of a pool on many machines is
-- broker/client.lua.
--
-- A waiter pumps: it takes results as they come, gives each to its task, and maintains the workers:
-- it replaces dead ones and stops late ones. Workers take tasks themselves, so they stay busy while
-- no waiter pumps.
--
--   pool/tasks.lua     tasks from put to their end
--   pool/results.lua   answers, each for the sink of its task
--   pool/workers.lua   starting, stopping and replacing workers
--   pool/ending.lua    the end of a pool
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local maintenance = require("core.maintenance")
local standing_waits = require("deadlock.standing_waits")
local waits = require("core.waits")
local ending = require("pool.ending")
local open_pools = require("pool.open_pools")
local protocol = require("pool.protocol")
local pumps = require("pool.pumps")
local results = require("pool.results")
local tasks = require("pool.tasks")
local travelling = require("pool.forks.travelling")
local workers = require("pool.workers")

local dispatcher = {
  resize = workers.resize, add_function = tasks.add_function, drop_function = tasks.drop_function,
  fail_deferred = tasks.fail_deferred, measures = workers.measures, new_queue = tasks.new_queue,
  remember = open_pools.remember, forget = open_pools.forget,
}

-- The state of a pool, for other files ----------------------------------------------------------------

function dispatcher.size(pool) return pool._config.workers end
function dispatcher.has_ended(pool) return pool._queue.has_ended end
function dispatcher.is_closed(pool) return pool._queue.is_closed end
function dispatcher.failure(pool) return pool._queue.failure end
function dispatcher.is_open(pool, task) return pool._queue.open[task.id] == task end

-- Callbacks -------------------------------------------------------------------------------------------

function dispatcher.call_back_now(f, ...)
  local ok, err = errors.call_here(identity.current().name, f, ...)
  if not ok then diagnostics.report("a callback raised: " .. tostring(err)) end
end

-- Callbacks run between two steps of the pool, one after the other, also those that a callback
-- adds. A callback may wait for a future with queued waiters, so the pumping task hands the pump
-- over first.
function dispatcher.run_callbacks(pool)
  local queue = pool._queue
  local callbacks = queue.callbacks
  if #callbacks == 0 then return end
  if queue.pumper then pumps.pass_on(queue) end
  if queue.is_calling_back then return end
  queue.is_calling_back = true
  while #callbacks > 0 do
    local call = table.remove(callbacks, 1)
    dispatcher.call_back_now(call.f, call.argument, call.more)
  end
  queue.is_calling_back = false
end

function dispatcher.call_back(pool, f, argument, more)
  table.insert(pool._queue.callbacks, { f = f, argument = argument, more = more })
end

-- Tasks -----------------------------------------------------------------------------------------------

function dispatcher.put(pool, task, is_cancellable, is_stored)
  if pool._workers.is_resting then workers.end_rest(pool) end
  return tasks.put(pool, task, is_cancellable, is_stored)
end

-- The place of a call that is made now, among the streams of random numbers of a pool with a seed: its number.
function dispatcher.next_place(pool)
  if not pool._config.seed then return nil end
  local queue, nested = pool._queue, pool._backend:next_place()
  if nested then return nested end
  queue.last_call = queue.last_call + 1
  return queue.last_call
end

local function base_of_call(pool, opts)
  return (opts and opts.place or dispatcher.next_place(pool)) - 1
end

function dispatcher.submit_call(pool, f, opts, args, sink, is_cancellable, entry)
  local config = pool._config
  local retries = opts and opts.retries or config.retries
  return dispatcher.put(pool, {
    mode = protocol.CALL, entry = entry or tasks.add_function(pool, f), sink = sink, args = args, count = 1,
    timeout = checks.time_limit(opts, config.timeout), retries = retries,
    base = config.seed and base_of_call(pool, opts) or nil, priority = opts and opts.priority,
  }, is_cancellable, retries > 0)
end

function dispatcher.cancelled_error()
  return errors.of_kind("cancelled", "the call was cancelled")
end

-- True if an item of it could be cancelled.
function dispatcher.cancel_task(pool, task)
  if not dispatcher.is_open(pool, task) then return false end
  if task.call_state and pool._backend:cancel(task.call_state) then
    tasks.fail_open_items(task, dispatcher.cancelled_error)
    return true
  end
  return workers.stop_task(pool, task, dispatcher.cancelled_error)
end

function dispatcher.cancel(pool, work)
  local any = false
  for _, task in pairs(work.tasks or { work }) do any = dispatcher.cancel_task(pool, task) or any end
  return any
end

-- Whether a worker runs the task, or one of work.tasks.
function dispatcher.is_running(pool, work)
  for _, task in pairs(work.tasks or { work }) do
    if dispatcher.is_open(pool, task) and workers.is_running(pool, task) then return true end
  end
  return false
end

-- The program ends: takes the results that are there. Their callbacks run.
function dispatcher.take_last(pool)
  results.take_ready(pool)
  dispatcher.run_callbacks(pool)
end

-- The same: the calls of a future that have not begun will not; how many they are.
function dispatcher.withdraw(pool, work)
  local count = 0
  for _, task in pairs(work.tasks or { work }) do
    if dispatcher.is_open(pool, task) and task.call_state and pool._backend:cancel(task.call_state) then
      count = count + task.count - math.max(task.skip, task.answered)
    end
  end
  return count
end

-- Pumping ---------------------------------------------------------------------------------------------

-- Whether there was one.
local function replace_dead(pool)
  if pool._queue.has_ended or pool._backend:all_live(pool._workers.handles) then return false end
  workers.replace_dead(pool)
  return true
end

-- → whether something was done, or has its time.
function dispatcher.maintain(pool)
  if pool._queue.has_ended or pool._workers.is_joining then return false end
  local queue = pool._queue
  local is_active = replace_dead(pool) or #queue.callbacks > 0
  if not queue.has_ended then
    local _, has_times = workers.check_timeouts(pool)
    local rests = pool._config.idle and workers.rest(pool) ~= nil
    is_active = has_times or rests or is_active
  end
  if #queue.callbacks > 0 then dispatcher.run_callbacks(pool) end
  return is_active
end

-- For callers that wait for other things as well: takes the results that are there. Seconds until
-- it has to be called again; nil: no need.
function dispatcher.take_ready(pool)
  results.take_ready(pool)
  replace_dead(pool)
  if pool._queue.has_ended then return nil end
  local due = workers.check_timeouts(pool)
  dispatcher.run_callbacks(pool)
  return due
end

-- Takes one result, or maintains the workers; false when the time is up. Then whether a result was
-- taken.
local function pump_once(pool, timeout, standing)
  local due, is_active = workers.check_timeouts(pool)
  if pool._queue.has_ended then return true, false end
  local is_endless = not timeout and not is_active and not waits.has_tasks()
  if is_endless then due = math.min(due or math.huge, standing_waits.LOOK_EVERY) end
  local draw_due = maintenance.draw_bars()
  if draw_due then due = math.min(due or math.huge, draw_due) end
  local is_due_first = due and (not timeout or due < timeout)
  local function step(id, ...)
    if id then
      if standing.since then standing_waits.finish(standing, false) end
      results.take(pool, id, ...)
      return true, true
    end
    local why = ...
    if why == "timeout" and workers.all_live(pool) then
      standing_waits.finish(standing, true)
      return is_due_first, false
    end
    standing_waits.finish(standing, false)
    workers.replace_dead(pool)
    return true, false
  end
  if is_endless or standing.since or standing.wait then standing_waits.begin(standing, is_endless) end
  return step(pumps.take(pool._backend, pool._workers.handles, is_due_first and due or timeout))
end

-- Wakes other threads of this VM, which may wait for the result that was taken.
local function pump(pool, timeout, standing)
  local queue = pool._queue
  queue.waiters = queue.waiters + 1
  local ok, goes_on, has_taken = pcall(pump_once, pool, timeout, standing)
  queue.waiters = queue.waiters - 1
  if not ok or #queue.callbacks > 0 then standing_waits.begin(standing, false) end
  if not ok then error(goes_on, 0) end
  if has_taken and queue.waiters > 0 then pumps.wake(pool._backend) end
  if #queue.callbacks > 0 then dispatcher.run_callbacks(pool) end
  return goes_on
end

-- Pumps until is_over(): true; or false when the time is up.
local function pump_while(pool, timeout, is_over)
  local deadline, standing = timeout and native.time() + timeout, {}
  local goes_on = true
  while goes_on and not is_over() do
    goes_on = pump(pool, deadline and math.max(0, deadline - native.time()), standing)
  end
  if standing.since or standing.wait then standing_waits.begin(standing, false) end
  return goes_on or is_over()
end

local function pump_until(pool, thing, timeout)
  local queue = pool._queue
  local function is_over() return thing._is_done or queue.has_ended end
  if not pump_while(pool, timeout, is_over) then return nil, "timeout" end
  if not thing._is_done then return nil, "cancelled" end
  return true
end

-- Even without time left, results that are there are taken.
function dispatcher.pump_until(pool, thing, timeout) return pumps.until_done(pool, thing, timeout, pump_until) end

function dispatcher.waitable(pool) return pool._backend:waitable(), false, pool._workers.handles end

-- The life of a pool ----------------------------------------------------------------------------------

-- A forked worker of the pool has a copy of it, too.
local function as_task(pool)
  local id = pool._config.forks and pool._config.forks.id
  if not id or pool._config.pid == native.pid() then return pool._backend:as_worker(pool) end
  local own = native.pool_forks()
  return own and own.id == id and travelling.receive() or nil
end

function dispatcher.check_open(pool, where)
  local inner = as_task(pool)
  if inner then return inner end
  open_pools.check_home(pool, where)
  dispatcher.maintain(pool) -- which may end the pool
  local queue = pool._queue
  if queue.failure then errors.raise(queue.failure) end
  if queue.is_closed then checks.fail(where .. ": the pool is closed") end
end

-- The backend is closed when nothing is open, so that a worker that dies until then is replaced.
function dispatcher.close(pool)
  pool._queue.is_closed = true
  if tasks.are_all_done(pool._queue) then pool._backend:close() end
end

function dispatcher.stats(pool)
  replace_dead(pool)
  workers.rest(pool)
  if pool._queue.has_ended then return pool._workers.last_measures or {} end
  return workers.measures(pool)
end

function dispatcher.join(pool, deadline)
  local queue = pool._queue
  local left = deadline and math.max(0, deadline - native.time())
  if left == 0 then waits.give_turn() end
  if not pump_while(pool, left, function() return queue.pending == 0 or queue.has_ended end) then
    return nil, "timeout"
  end
  if queue.has_ended then return true end
  pool._backend:close()
  local ended, why = workers.join(pool, deadline)
  if not ended then return nil, why end
  ending.leave(ending.end_pool(pool, ending.cancelled))
  return true
end

-- Results that are there stay results.
function dispatcher.terminate(pool)
  results.take_ready(pool)
  local own = ending.terminate(pool)
  dispatcher.run_callbacks(pool)
  ending.leave(own)
end

dispatcher.abandon = ending.abandon

function dispatcher.post() checks.fail("Pool:post: this pool is not on a broker") end
function dispatcher.schedule() checks.fail("Pool:schedule: this pool is not on a broker") end
function dispatcher.unschedule() checks.fail("Pool:unschedule: this pool is not on a broker") end
function dispatcher.dead() checks.fail("Pool:dead: this pool is not on a broker") end
function dispatcher.retry() checks.fail("Pool:retry: this pool is not on a broker") end

-- Starts the workers of a pool that pool/pool.lua has made.
function dispatcher.begin(pool)
  dispatcher.remember(pool)
  local started, failure = pcall(workers.start_all, pool)
  if not started then
    ending.end_pool(pool, ending.cancelled)
    error(failure, 0)
  end
  local config, queue = pool._config, pool._queue
  pump_while(pool, nil, function()
    return not config.initializer or pool._workers.ready >= config.workers or queue.failure
  end)
  if queue.failure then errors.raise(queue.failure) end
end

return dispatcher
