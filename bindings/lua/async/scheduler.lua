-- SPDX-License-Identifier: MIT
-- The tasks of one thread: coroutines that take turns, each until it waits. Each thread has its own instance of this
-- module (schedulers.lua), and so of its variables. Other threads call wake and cancel; while they wait for a task,
-- they do so in their own scheduler.
--
--   task     a coroutine and what became of it; mm.async.spawn makes them, and so do the classes of the world `async`
--   waiter   who waits: a task, or a table that stands for code that cannot yield; home is its scheduler. It is in one
--            list of waiters at most (list, slot), and in the heap of those with a time (due, pos). wake(waiter, a, b)
--            ends the wait; a and b are what park returns to it. A wait for several things has a proxy in each of their
--            lists.
--   source   a Lua object that can be waited for: it has _is_ready() and a list of waiters, _waiters
--
-- How code waits that cannot yield is in fibers.lua; what tasks wait for besides each other and the clock in
-- async/sources.lua.
--
-- Code of this module is one step for other threads (state/vm_interrupt.c), so what stands between two waits needs no
-- lock.
local require, native, schedulers = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local finalizers = require("core.finalizers")
local instance = require("async.instances")

local time, pack, unpack = native.time, checks.pack, checks.unpack
local create, yield, status = coroutine.create, coroutine.yield, coroutine.status
local close = coroutine.close -- from Lua 5.4 on
local min = math.min
local resume, make_way, can_yield = native.resume, native.make_way, native.can_yield

local waiters = instance("async.waiters")
local new_list, add, remove = waiters.new_list, waiters.add, waiters.remove
local set_timer, drop_timer = waiters.set_timer, waiters.drop_timer

local scheduler = { new_list = new_list, waiters = waiters, live = 0 } -- live: tasks that are not done
local fibers, sources, hosts -- fibers.lua, async/sources.lua, async/libuv.lua
local has_host = false -- there is a loop of libuv

-- Steps between two readings of the clock, and seconds between two looks at descriptors and wakers while tasks can run.
local STEPS, LOOK_EVERY = 16, 100e-6
-- In debug mode a step that takes longer is reported.
local LONG_STEP = 0.1

local PARKED, EXITED = {}, {} -- what a task yields

local current = nil -- the task whose step it is
local first, last, ready = 1, 0, {} -- woken waiters, in order
local alive = setmetatable({}, { __mode = "k" }) -- those of them that something can still wake
local failed = setmetatable({}, { __mode = "k" }) -- those that failed, and nobody asked
local loop -- async/loop.c; made when it is first needed
local fired = {}
local looked_at = 0
local steps_left = STEPS
local is_sleeping = false -- a thread sleeps in the loop
local unowned = 0 -- waits that something outside will end: await, and threads

-- Waking ----------------------------------------------------------------------------------------------

local function withdraw(waiter)
  if waiter.list then remove(waiter.list, waiter) end
  if waiter.pos then drop_timer(waiter) end
  local proxies = waiter.proxies
  if not proxies then return end
  waiter.proxies = nil
  for _, proxy in ipairs(proxies) do
    if proxy.list then remove(proxy.list, proxy) end
  end
end

-- Ends the wait of `waiter`, which is of this scheduler; park returns a and b to it. Any thread may call.
function scheduler.wake(waiter, a, b)
  if waiter.list or waiter.pos or waiter.proxies then withdraw(waiter) end
  if a ~= nil or b ~= nil then waiter.a, waiter.b, waiter.is_plain = a, b, false end
  if not waiter.co then
    waiter.is_woken = true
    if not waiter.fiber then return end -- it does not wait yet
  end
  last = last + 1
  ready[last] = waiter
  if is_sleeping then loop:wake() elseif has_host then hosts.call() end
end
local wake = scheduler.wake

function scheduler.get_loop()
  if loop then return loop end
  local made, why = native.loop_new()
  loop = made or error("async: cannot wait: " .. why, 0)
  return loop
end

-- Who waits -------------------------------------------------------------------------------------------

-- The task that the caller is a part of, in whatever coroutine of its own; nil outside of tasks.
function scheduler.current() return current end

-- The task whose step it is, from now on; what it was before.
function scheduler.set_current(task)
  local before = current
  current = task
  return before
end

-- Whoever calls, as a waiter. may_yield: that a task calls, and can yield, is known.
local function me(may_yield)
  if current and (may_yield or can_yield()) and (current.is_plain or not current.is_closing) then return current end
  return { home = scheduler }
end
scheduler.me = me

-- Waits until somebody wakes `waiter`, which was added to lists before; at the latest until `due`: nil, "timeout".
local function park(waiter, due)
  if due then set_timer(waiter, due) end
  if waiter.co then return yield(PARKED) end
  fibers.wait(waiter)
  return waiter.a, waiter.b
end
scheduler.park, scheduler.withdraw = park, withdraw

function scheduler.wait_in(list, due)
  local waiter = me()
  add(list, waiter)
  return park(waiter, due)
end

-- Makes the caller, which is in a method, a waiter; stand and way are those of core/waits.lua. Returns what the task
-- has to yield; or nil when the method should try again: at once, or because the caller could not yield and has waited.
function scheduler.begin_wait(stand, handle, way, due, may_yield)
  local waiter = me(may_yield)
  if sources.stand[stand](waiter, handle, way) then
    withdraw(waiter)
    return nil
  end
  if due then set_timer(waiter, due) end
  if waiter.co then return PARKED end
  fibers.wait(waiter)
  return nil
end

function scheduler.sleep(seconds, may_yield)
  local waiter = me(may_yield)
  if seconds <= 0 and waiter.co then
    last = last + 1
    ready[last] = waiter
  else
    set_timer(waiter, time() + seconds)
  end
  if waiter.co then yield(PARKED) else fibers.wait(waiter) end
end

-- Tasks -----------------------------------------------------------------------------------------------

local task_meta = schedulers.task_meta
local task_name = schedulers.Task._name

local last_origin = ""

-- Where the task that is being made was spawned; tasks of one place share one string.
local function origin()
  last_origin = native.stack_of_caller(last_origin)
  return last_origin
end

local OWN_LAST_LINE = "\n\tmanymoons/async/scheduler.lua[^\n]*$"

local function error_of(task, value)
  if getmetatable(value) == errors.Error then return value end
  local text = debug.traceback(task.co, ""):gsub("^\n", ""):gsub(OWN_LAST_LINE, "")
  return setmetatable({
    message = errors.text_of(value),
    value = value,
    traceback = text .. "\nspawned at:" .. task.origin,
    kind = "error",
    worker = task_name(task),
  }, errors.Error)
end

local function cancelled_error(task)
  return errors.new_error({ kind = "cancelled", message = task_name(task) .. " was cancelled",
    traceback = "spawned at:" .. task.origin }, task_name(task))
end

-- Told once, when the last one who could ask is gone: a task that failed and was never asked.
local function watch_failure(task)
  local err, name = task.results, task_name(task)
  failed[task] = true
  task.unasked = finalizers.on_collection(function()
    diagnostics.report("task " .. name .. " failed, and nobody asked for its result: " .. tostring(err))
  end)
end

function scheduler.asked(task)
  if task.unasked then task.unasked.disarm() end
  task.unasked = nil
  failed[task] = nil
end

-- state: "done" (results: a packed list), "failed" or "cancelled" (results: an mm.Error)
local function finish(task, state, results)
  task.state, task.results, task.is_plain = state, results, false
  alive[task] = nil
  scheduler.live = scheduler.live - 1
  if scheduler.live == 0 then native.set_busy(nil) end
  native.held_locks_end_task(task.co, state ~= "done")
  local watchers = task.watchers
  for i = 1, watchers and #watchers or 0 do watchers[i](task) end
  if task._waiters then schedulers.wake_all(task._waiters) end
  if state == "failed" and not task.is_reported then watch_failure(task) end
end

-- The tasks of a run (async.run), those that they spawned included, are cancelled; failures nobody asked about are
-- told.
function scheduler.end_run(run)
  local list = {}
  for task in pairs(alive) do
    if task.run == run and not task.is_worker then list[#list + 1] = task end
  end
  table.sort(list, function(a, b) return a.number < b.number end)
  for _, task in ipairs(list) do scheduler.cancel(task) end
  list = {}
  for task in pairs(failed) do list[#list + 1] = task end
  table.sort(list, function(a, b) return a.number < b.number end)
  for _, task in ipairs(list) do
    if task.unasked then task.unasked.fire() end
    scheduler.asked(task)
  end
end

-- Closes what the coroutine has open; what fails at that is told.
local function close_coroutine(task)
  if not close or status(task.co) == "dead" then return end
  local before = current
  current, task.is_closing, task.is_plain = task, true, false
  local ok, err = close(task.co)
  current, task.is_closing = before, nil
  if not ok then diagnostics.report("closing " .. task_name(task) .. ": " .. tostring(err)) end
end

local function end_cancelled(task)
  withdraw(task)
  if task.on_cancel then task.on_cancel() end
  task.a, task.b = nil, nil
  task.state, task.results, task.is_plain = "cancelled", cancelled_error(task), false -- nobody wakes it any more
  close_coroutine(task)
  finish(task, "cancelled", task.results)
end

-- The function of each task's coroutine.
local function body(task, f) task.results = pack(f()) end

-- After a step that did not end with a wait of ours.
local function on_return(task, ok, what)
  if task.state or (what == PARKED and not task.is_cancelled) then return end
  if task.is_cancelled and status(task.co) == "suspended" then return end_cancelled(task) end
  if not ok and task.is_cancelled then return end_cancelled(task) end
  if not ok then
    local err = error_of(task, what)
    if close then close(task.co) end
    return finish(task, "failed", err)
  end
  if status(task.co) == "dead" then return finish(task, "done", task.results) end
  if what == EXITED then return end_cancelled(task) end
  last = last + 1 -- a yield of the script's own: others first
  ready[last] = task
end

-- Where the task waits: the first call that is not ours.
local function place_of(task)
  for line in debug.traceback(task.co, ""):gmatch("\t([^\n]+)") do
    if not line:find("^[%[%(]") and not line:find("^manymoons/") then return line end
  end
  return "?"
end

local function report_long_step(task, seconds)
  local where = task.state and "it is " .. task.state or place_of(task)
  diagnostics.report(string.format("task %s ran for %.3f s without waiting (%s)", task_name(task), seconds, where))
end

-- The rest of a task's fields are looked at only if is_plain says so.
local function step(task)
  local a, b
  if not task.is_plain then
    if task.state then return end
    if task.is_cancelled and not task.stuck then return end_cancelled(task) end
    a, b = task.a, task.b
    task.a, task.b, task.is_plain = nil, nil, not task.is_cancelled
  end
  current = task
  local ok, what = resume(task.co, a, b)
  current = nil
  if what ~= PARKED or not task.is_plain then on_return(task, ok, what) end
end

local function watched_step(task)
  local begun = time()
  step(task)
  local seconds = time() - begun
  if seconds > LONG_STEP then report_long_step(task, seconds) end
end

-- spawn(f, …) → a task, which begins when the caller waits
function scheduler.spawn(f, ...)
  local number = schedulers.count + 1
  schedulers.count = number
  local task = setmetatable({ co = create(body), home = scheduler, number = number, origin = origin() }, task_meta)
  task.a, task.b, task.is_plain = task, f, false -- for the body
  if select("#", ...) > 0 then
    local args = pack(...)
    task.b = function() return f(unpack(args, 1, args.n)) end
  end
  local parent = current
  if parent then task.process, task.run = parent.process, parent.run end
  scheduler.live = scheduler.live + 1
  alive[task] = true
  if scheduler.live == 1 then native.set_busy(scheduler) end
  last = last + 1
  ready[last] = task
  if hosts and hosts.is_there() then hosts.call() end
  return task
end

-- True: it will not go on. One that cannot be stopped where it is ends at its next wait.
function scheduler.cancel(task)
  if task.state then return false end
  local is_here = schedulers.is_here(scheduler)
  if not is_here or status(task.co) ~= "suspended" then
    local stuck = task.stuck
    task.is_cancelled, task.is_plain = true, false
    if stuck then stuck.failure = "interrupted" end
    if stuck or not is_here then wake(stuck or task) end
    return true
  end
  end_cancelled(task)
  return true
end

-- The task that runs goes no further.
local function end_here()
  if me() == current then yield(EXITED) end
  current.is_cancelled, current.is_plain = true, false
  error("interrupted", 0)
end

-- Whether the task that runs is to end, and could not be stopped where it was.
function scheduler.is_ending() return current ~= nil and current.is_cancelled end

-- Ends a worker, as os.exit does elsewhere; the caller is a part of it.
function scheduler.exit(code, worker)
  worker.exit_code = code
  if worker ~= current then scheduler.cancel(worker) end
  end_here()
end

-- Ends the program by leave(), which its first thread has to call; the caller is a task.
function scheduler.exit_program(leave)
  if not native.thread() then leave() end
  fibers.leave_program(leave)
  end_here()
end

-- Running ---------------------------------------------------------------------------------------------

local function run_timers(now)
  local waiter = waiters.overdue(now)
  while waiter do
    wake(waiter, nil, "timeout")
    waiter = waiters.overdue(now)
  end
end

-- Nothing that is known here will ever wake anybody.
local function is_stuck()
  return not sources.are_wanted() and unowned == 0 and not has_host and native.gil().threads == 1
end

local function sleep(seconds, fd)
  is_sleeping = true
  local ok, count, was_rung = pcall(loop.sleep, loop, seconds < math.huge and seconds or nil, fired, fd)
  is_sleeping = false
  if not ok then error(count, 0) end
  return count, was_rung
end

-- Seconds from now until something has to be looked at; 0 if a task can run.
function scheduler.seconds_to_sleep(now)
  if first <= last then return 0 end
  return min(sources.seconds_to_sleep(now), waiters.first_due(now) or math.huge)
end

-- Looks at the world outside, and sleeps if there is nothing to run.
local function look()
  make_way()
  local now = time()
  looked_at = now
  local most, fd = math.huge, nil
  has_host = hosts ~= nil and hosts.is_there()
  if has_host then most, fd = hosts.before_sleep() end
  local seconds = min(most, scheduler.seconds_to_sleep(now))
  if seconds == math.huge and is_stuck() then error("would wait for ever: every task waits for another one", 0) end
  if seconds > 0 or fd or sources.are_wanted() then
    scheduler.get_loop()
    local count, was_rung = sleep(seconds, fd)
    now = time()
    sources.look(fired, count, was_rung, seconds, now)
    if fd then hosts.after_sleep() end
  end
  run_timers(now)
end

-- One batch of steps. Returns a waiter that is to go on on its fiber; one that has gone on, because the loop failed,
-- has none.
local function run_ready()
  local batch_end, run_step = last, schedulers.is_debugging and watched_step or step
  while first <= batch_end and first <= last do
    local task = ready[first]
    ready[first] = nil
    first = first + 1
    if first > last then
      first, last, batch_end = 1, 0, 0
    end
    if task.co then
      run_step(task)
    elseif task.fiber then
      return task
    end
    steps_left = steps_left - 1
    if steps_left <= 0 then
      steps_left = STEPS
      if time() - looked_at >= LOOK_EVERY then return nil end
    end
  end
  return nil
end

-- Runs tasks until a waiter on one of this thread's fibers has to go on: that one.
function scheduler.run()
  if hosts and hosts.is_there() then hosts.before_steps() end
  while true do
    local waiter = run_ready()
    if waiter then return waiter end
    if first > last or time() - looked_at >= LOOK_EVERY then look() end
  end
end

-- Waits for what is not known here (await) keep the loop from being called stuck.
function scheduler.expect_outside(by) unowned = unowned + by end

-- The end ---------------------------------------------------------------------------------------------

-- The thread ends: its tasks do, those that have to go on for it first.
function scheduler.end_all()
  local list = {}
  for task in pairs(alive) do list[#list + 1] = task end
  for _, task in ipairs(list) do
    scheduler.cancel(task)
    if not task.state then task:wait() end
  end
  if loop then loop:close() end
end

fibers = instance("async.fibers", scheduler)
sources = instance("async.sources", scheduler, schedulers)
if not native.thread() and not schedulers.is_forked then hosts = instance("async.libuv", scheduler) end

-- Whether a loop runs tasks now, beneath the caller or beside it.
function scheduler.is_running() return fibers.are_running() end
function scheduler.has_ready() return first <= last end

return scheduler
