-- SPDX-License-Identifier: MIT
-- The tasks of one thread: coroutines that take turns, each running until it waits. Each thread has its own instance of
-- this module and its variables (schedulers.lua). Other threads call only wake and cancel; a thread that waits for a
-- task of another one waits in its own scheduler.
--
--   task     a coroutine and its outcome; mm.async.spawn and the classes of the world `async` make tasks
--   waiter   a task, or a table that stands for code that cannot yield; home is its scheduler. It is in at most one
--            list of waiters (list, slot), and in the heap of timers if it has a time (due, pos). wake(waiter, a, b)
--            ends the wait, and park returns a and b. A wait for several things has a proxy in the list of each.
--   source   a Lua object that tasks can wait for: it has _is_ready() and a list of waiters, _waiters
--
-- async/fibers.lua has the waits of code that cannot yield, async/sources.lua those for descriptors and handles.
--
-- Code of this module does not release the VM lock between two waits (state/vm_interrupt.c), so it needs no lock of its
-- own.
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
local resume, make_way, can_yield, swap_stream = native.resume, native.make_way, native.can_yield, native.random_swap

local waiters = instance("async.waiters")
local new_list, add, remove = waiters.new_list, waiters.add, waiters.remove
local set_timer, drop_timer = waiters.set_timer, waiters.drop_timer

local scheduler = { new_list = new_list, waiters = waiters, live = 0 } -- live: tasks that are not done
local fibers, sources, hosts -- fibers.lua, async/sources.lua, async/libuv.lua
local has_host = false -- whether there is a libuv loop

-- Steps between two readings of the clock, and seconds between two polls of descriptors and wakers while tasks can run.
local STEPS, LOOK_EVERY = 16, 100e-6
-- Seconds between two looks of a thread that stands.
local STAND_EVERY = 0.25
-- In debug mode a step that takes longer is reported.
local LONG_STEP = 0.1

-- Seconds that a task which polls gets to see that it is asked to end, and that one which catches the error of its end
-- gets to clean up, once and again (vm/state/vm_interrupt.h has those of workers). They pass in ticks, so that a
-- process that gets no processor loses none.
local GRACE, TICKS, GRACES = 0.1, 10, 2

local PARKED, EXITED = {}, {} -- what a task yields

local current = nil -- the task that runs
local first, last, ready = 1, 0, {} -- woken waiters, in order
local alive = setmetatable({}, { __mode = "k" }) -- tasks that have not ended and that something can still wake
local failed = setmetatable({}, { __mode = "k" }) -- failed tasks whose result was never asked for
local loop -- async/loop.c; made when it is first needed
local fired = {}
local looked_at = 0
local steps_left = STEPS
local is_sleeping = false -- a thread sleeps in the loop
local standing = native.standing_wait() -- that of the thread, while no task runs (deadlock/endless_wait.h)
local moves = 0 -- steps and continued waits in which code of the script ran, not a wait's next try alone
local stood = nil -- `moves` when `standing` began to look; nil: it does not stand
local unowned = 0 -- waits that other code or another thread will end (await)
local stop -- defined below

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

-- Ends the wait of a waiter of this scheduler: its park returns a and b. Any thread may call it.
function scheduler.wake(waiter, a, b)
  if waiter.list or waiter.pos or waiter.proxies then withdraw(waiter) end
  if a ~= nil or b ~= nil then waiter.a, waiter.b, waiter.is_plain = a, b, false end
  if not waiter.co then
    waiter.is_woken = true
    if not waiter.fiber then return end -- its wait has not begun
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

-- Waiting ---------------------------------------------------------------------------------------------

-- The calling task, also if the caller is in another coroutine of it; nil outside of tasks.
function scheduler.current() return current end

-- Makes `task` the current one; returns the one before.
function scheduler.set_current(task)
  local before = current
  current = task
  return before
end

-- The caller as a waiter. may_yield: the caller is known to be a task that can yield.
local function me(may_yield)
  if current and (may_yield or can_yield()) and (current.is_plain or not current.is_closing) then return current end
  return { home = scheduler, stuck_task = current }
end
scheduler.me = me

-- Suspends the caller until its `waiter`, which is in a list already, is woken; at `due` it returns nil, "timeout".
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
-- is_again: it has waited, and no code of the script ran since.
function scheduler.begin_wait(stand, handle, way, due, may_yield, is_again)
  local waiter = me(may_yield)
  if sources.stand[stand](waiter, handle, way) then
    withdraw(waiter)
    return nil
  end
  if due then set_timer(waiter, due) end
  if is_again then moves = moves - 1 end
  if waiter.co then return PARKED end
  fibers.wait(waiter)
  return nil
end

-- Suspends the caller between two tries of a wait. is_endless: only this program ends the wait; is_again: as above.
function scheduler.pause(seconds, is_endless, is_again)
  if not is_endless then return scheduler.sleep(seconds) end
  local waiter = me()
  waiter.is_pausing = true
  if is_again then moves = moves - 1 end
  park(waiter, time() + seconds)
  waiter.is_pausing = nil
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

local function shown_name(task) return native.printable(task_name(task)) end

local last_origin = ""

-- The stack of the caller of spawn; tasks spawned at one place share one string.
local function origin()
  last_origin = native.stack_of_caller(last_origin)
  return last_origin
end

local function error_of(task, value)
  if getmetatable(value) == errors.Error then return value end
  value = native.shown_error(value, task.co)
  local text = native.traceback(task.co)
  return setmetatable({
    message = errors.text_of(value),
    value = value,
    traceback = text .. "\nspawned at:" .. task.origin,
    kind = "error",
    worker = task_name(task),
  }, errors.Error)
end

local function cancelled_error(task)
  return errors.new_error({ kind = "cancelled", message = shown_name(task) .. " was cancelled",
    traceback = "spawned at:" .. task.origin }, task_name(task))
end

-- Reports a failed task whose result was never asked for, once, when the task is collected.
local function watch_failure(task)
  local err, name = task.results, shown_name(task)
  failed[task] = true
  task.unasked = finalizers.on_collection(function()
    diagnostics.report("task " .. name .. " failed, and its result was never asked for: " .. tostring(err))
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

-- The tasks of a set, in the order in which they began.
local function in_order(set)
  local list = {}
  for task in pairs(set) do list[#list + 1] = task end
  table.sort(list, function(a, b) return a.number < b.number end)
  return list
end

-- The tasks that have not ended.
function scheduler.all_alive() return in_order(alive) end

-- Ends a run (async.run): cancels its tasks and those that they spawned, and reports failures that were not asked for.
function scheduler.end_run(run)
  for _, task in ipairs(scheduler.all_alive()) do
    if task.run == run and not task.is_worker then stop(task) end
  end
  for _, task in ipairs(in_order(failed)) do
    if task.unasked then task.unasked.fire() end
    scheduler.asked(task)
  end
end

-- Closes the to-be-closed variables of the task and of the suspended coroutines that it began; reports errors of that.
local function close_coroutine(task)
  if not close then return end
  local before, has_failed = current, status(task.co) == "dead"
  current, task.is_closing, task.is_plain = task, true, false
  local ok, err = close(task.co)
  native.close_coroutines(task.co)
  current, task.is_closing = before, nil
  if not ok and not has_failed then diagnostics.report("closing " .. shown_name(task) .. ": " .. tostring(err)) end
end

local function end_cancelled(task)
  withdraw(task)
  schedulers.pass_wake_on(task)
  if task.on_cancel then task.on_cancel() end
  task.a, task.b = nil, nil
  task.state, task.results, task.is_plain = "cancelled", cancelled_error(task), false -- nothing wakes it any more
  close_coroutine(task)
  finish(task, "cancelled", task.results)
end

-- Whether it ends where it waits.
local function must_end(task) return task.is_cancelled and not task.is_in_grace end

-- The function of each task's coroutine.
local function body(task, called) task.results = pack(called()) end

-- Handles a step that did not end with a wait of this module.
local function on_return(task, ok, what)
  if task.state or (what == PARKED and not must_end(task)) then return end
  if status(task.co) == "suspended" and must_end(task) then return end_cancelled(task) end
  if status(task.co) == "dead" and (task.is_asked or (not ok and task.is_cancelled)) then return end_cancelled(task) end
  if not ok then
    local err = error_of(task, what)
    if close then close(task.co) end
    return finish(task, "failed", err)
  end
  if status(task.co) == "dead" then return finish(task, "done", task.results) end
  if what == EXITED then return end_cancelled(task) end
  last = last + 1 -- the script has yielded: the other tasks run first
  ready[last] = task
end

-- Where the task waits: the innermost call outside of this library.
local function place_of(task)
  for line in debug.traceback(task.co, ""):gmatch("\t([^\n]+)") do
    if not line:find("^[%[%(]") and not line:find("^manymoons/") then return line end
  end
  return "?"
end

local function report_long_step(task, seconds)
  local where = task.state and "it is " .. task.state or place_of(task)
  diagnostics.report(string.format("task %s ran for %.3f s without waiting (%s)", shown_name(task), seconds, where))
end

-- Runs one step of a task. is_plain: the task has no unusual state, so its other fields need no check.
local function step(task)
  local a, b
  moves = moves + 1
  if not task.is_plain then
    if task.state then return end
    if must_end(task) and not task.stuck then return end_cancelled(task) end
    a, b = task.a, task.b
    task.a, task.b, task.woken_from, task.is_plain = nil, nil, nil, not task.is_cancelled
  end
  current = task
  if task.stream then swap_stream(task.stream.state) end
  local ok, what = resume(task.co, a, b)
  if task.stream then task.stream.state = swap_stream(nil) end
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
  task.a, task.b, task.is_plain = task, f, false -- arguments of `body`
  if select("#", ...) > 0 then
    local args = pack(...)
    task.b = function() return f(unpack(args, 1, args.n)) end
  end
  local parent = current
  if parent then
    task.process, task.run, task.stream, task.context = parent.process, parent.run, parent.stream, parent.context
  else
    task.context = schedulers.context_outside()
  end
  scheduler.live = scheduler.live + 1
  alive[task] = true
  if scheduler.live == 1 then native.set_busy(scheduler) end
  last = last + 1
  ready[last] = task
  if hosts and hosts.is_there() then hosts.call() end
  return task
end

-- Calls f unless the task ends before.
local function after_grace(task, f)
  local watch = scheduler.spawn(function()
    for _ = 1, TICKS do scheduler.sleep(GRACE / TICKS) end
    f()
  end)
  watch.process, watch.run = nil, nil
  schedulers.on_end(task, function() stop(watch) end)
end

-- The error of its end was raised in the task where it could not be stopped. If it catches it, its next waits are as
-- ever for some time.
function scheduler.begin_grace(task)
  task.graces = (task.graces or 0) + 1
  if task.graces > GRACES then return end
  task.is_in_grace = true
  after_grace(task, function()
    task.is_in_grace = false
    stop(task)
  end)
end

-- True: the task ends. If it cannot be stopped where it is, it ends at its next wait.
function stop(task)
  if task.state then return false end
  local is_here = schedulers.is_here(scheduler)
  if not is_here or status(task.co) ~= "suspended" then
    local stuck = task.stuck
    if stuck and task.is_in_grace then return true end
    task.is_cancelled, task.is_plain = true, false
    if stuck then stuck.failure = "interrupted" end
    if stuck and is_here then scheduler.begin_grace(task) end
    if stuck or not is_here then wake(stuck or task) end
    return true
  end
  end_cancelled(task)
  return true
end
scheduler.stop = stop

-- The same, but a task that polls has some time to end by itself.
function scheduler.cancel(task)
  if task.state or not task.is_polling or not schedulers.is_here(scheduler) then return stop(task) end
  if task.is_asked then return true end
  task.is_asked = true
  after_grace(task, function() stop(task) end)
  return true
end

-- Whether the calling task is asked to end; for one that polls, so the other tasks get a turn.
function scheduler.is_asked(may_yield)
  local task = current
  if not task.state and not task.is_cancelled and not task.is_asked then
    task.is_polling = true
    scheduler.sleep(0, may_yield)
  end
  return task.state ~= nil or task.is_cancelled or task.is_asked or false
end

-- The task ends when its turn comes.
function scheduler.cancel_soon(task)
  local stuck = task.stuck
  task.is_cancelled, task.is_plain = true, false
  if stuck then stuck.failure = "interrupted" end
  wake(stuck or task)
end

-- Ends the current task here.
local function end_here()
  if me() == current then yield(EXITED) end
  current.is_cancelled, current.is_plain = true, false
  error("interrupted", 0)
end

-- Whether the current task was cancelled where it could not be stopped, and has to end.
function scheduler.is_ending() return current ~= nil and current.is_cancelled end

-- os.exit in a task: ends the worker to which the caller belongs.
function scheduler.exit(code, worker)
  worker.exit_code = code
  if worker ~= current then stop(worker) end
  end_here()
end

-- os.exit of the program in a task: leave(), which ends the program, must be called outside of tasks.
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

-- Whether nothing can wake any of the waiters.
local function is_stuck()
  return not sources.are_wanted() and unowned == 0 and not has_host and native.gil().threads == 1
end

local function end_stand()
  standing:finish()
  stood = nil
end

local function sleep(seconds, fd)
  is_sleeping = true
  local ok, count, was_rung = pcall(loop.sleep, loop, seconds < math.huge and seconds or nil, fired, fd)
  is_sleeping = false
  if not ok then
    end_stand()
    error(count, 0)
  end
  return count, was_rung
end

-- Whether all tasks wait, without a time, for what only another thread of this program can do. What pauses tries again
-- by itself.
local function is_endless()
  return first > last and not waiters.has_due() and unowned == 0 and not has_host and sources.are_of_program()
end

-- The youngest task, which others may wait for, and what is said of them all (deadlock/endless_wait.h).
local function describe_tasks()
  local tasks = scheduler.all_alive()
  local task, others = tasks[#tasks], #tasks - 1
  if not task then return end
  local more = others == 0 and "" or (" and %d more task%s"):format(others, others == 1 and "" or "s")
  return task.co, task_name(task) .. more
end

-- The thread stands while all its waits are endless. It has looked once each of them was tried and no code of the
-- script ran, which may take several rounds of the loop. Its entry may outlast a wait by a step, in which no look is
-- noted. → whether it has to look again.
local function stand()
  local is_standing = is_endless()
  if stood and (moves ~= stood or (not is_standing and first > last)) then
    end_stand()
  elseif stood and is_standing then
    standing:look(describe_tasks)
  end
  if not is_standing then return false end
  standing:begin()
  stood = moves
  return true
end

-- Seconds until the next timer or check; 0 if a task can run.
function scheduler.seconds_to_sleep(now)
  if first <= last then return 0 end
  return min(sources.seconds_to_sleep(now), waiters.first_due(now) or math.huge)
end

-- Polls timers, descriptors and handles, and sleeps if no task can run.
local function look()
  make_way()
  local now = time()
  looked_at = now
  local most, fd = math.huge, nil
  has_host = hosts ~= nil and hosts.is_there()
  if has_host then most, fd = hosts.before_sleep() end
  local seconds = min(most, scheduler.seconds_to_sleep(now))
  if seconds == math.huge and is_stuck() then
    error(errors.of_kind("deadlock", native.place() .. "would wait for ever: every task waits for another one"), 0)
  end
  if seconds > 0 or fd or sources.are_wanted() then
    scheduler.get_loop()
    if stand() then seconds = min(seconds, STAND_EVERY) end
    local count, was_rung = sleep(seconds, fd)
    now = time()
    sources.look(fired, count, was_rung, now)
    if fd then hosts.after_sleep() end
  end
  run_timers(now)
end

-- Runs one batch of steps. Returns the first woken waiter that has to continue on its fiber, if there is one. A waiter
-- whose wait has ended because the loop failed has no fiber any more.
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
      moves = moves + 1
      return task
    end
    if stood and moves ~= stood then end_stand() end
    steps_left = steps_left - 1
    if steps_left <= 0 then
      steps_left = STEPS
      if time() - looked_at >= LOOK_EVERY then return nil end
    end
  end
  return nil
end

-- Runs tasks until a waiter on one of this thread's fibers has to continue; returns that waiter.
function scheduler.run()
  if hosts and hosts.is_there() then hosts.before_steps() end
  while true do
    local waiter = run_ready()
    if waiter then return waiter end
    if first > last or time() - looked_at >= LOOK_EVERY then look() end
  end
end

-- Counts waits that other code ends (await): while there are any, the loop is not stuck.
function scheduler.expect_outside(by) unowned = unowned + by end

-- The end ---------------------------------------------------------------------------------------------

-- The code of this thread was ended by an error after which none of this module ran, as that of Ctrl-C, and the caller
-- is outside of tasks. The task that ran ends.
function scheduler.recover()
  local task = current
  current, is_sleeping = nil, false
  end_stand()
  fibers.recover()
  if task and not task.state then end_cancelled(task) end
end

-- The end of the thread: ends its tasks, first those suspended on a fiber, which have to continue to end.
function scheduler.end_all()
  for _, task in ipairs(scheduler.all_alive()) do
    stop(task)
    if not task.state then task:wait() end
  end
  if loop then loop:close() end
end

fibers = instance("async.fibers", scheduler, schedulers)
sources = instance("async.sources", scheduler, schedulers)
if not native.thread() and not schedulers.is_forked then hosts = instance("async.libuv", scheduler) end

-- Whether a loop runs tasks now, on the caller's stack or on another fiber.
function scheduler.is_running() return fibers.are_running() end
function scheduler.has_ready() return first <= last end

return scheduler
