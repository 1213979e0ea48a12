-- SPDX-License-Identifier: MIT
-- The schedulers of this VM: one for each thread that has tasks or waits for tasks of others. A task runs in the thread
-- that spawned it, while code of that thread waits.
--
-- schedulers.NAME(…) calls NAME of the calling thread's scheduler (scheduler.lua). Functions for all threads are here.
local require, native = ...

local instance = require("async.instances")

local thread = native.thread
local of = {} -- thread (false: the main one) → its scheduler

local schedulers = {
  new_list = instance("async.waiters").new_list,
  count = 0, -- how many tasks there have been
  is_forked = false,
  is_debugging = (native.environment("MANYMOONS_ASYNC_DEBUG") or "") ~= "",
}

-- The class Task; its public methods are in async.lua.
local Task = {}
local task_meta = { __index = Task, __name = "Task", __mm_future = true, __mm_send = false }
schedulers.Task, schedulers.task_meta = Task, task_meta

function task_meta.__tostring(self)
  return "Task: " .. native.printable(Task._name(self)) .. " (" .. (self.state or "running") .. ")"
end
function task_meta.__mm_wait(self)
  if self.state then return true end
  self._waiters = self._waiters or schedulers.new_list()
  return self, true
end

function task_meta.__mm_failed(self) return self.state ~= nil and self.state ~= "done" end

function Task._name(self) return self.name or "Task-" .. self.number end
function Task._is_ready(self) return self.state ~= nil end

local function here()
  local key = thread()
  local scheduler = of[key]
  if not scheduler then
    scheduler = instance("async.scheduler", schedulers)
    of[key] = scheduler
  end
  return scheduler
end
function schedulers.is_here(scheduler) return of[thread()] == scheduler end

-- These are called at each wait, so they do not make a scheduler for a thread without one.
for _, name in ipairs({ "current", "is_ending" }) do
  schedulers[name] = function()
    local scheduler = of[thread()]
    return scheduler ~= nil and scheduler[name]() or nil
  end
end

-- Whether this thread has tasks, so that its waits have to go through its scheduler.
function schedulers.is_needed() return native.busy() ~= nil end

-- Whether a wait for these things has to go through a scheduler.
function schedulers.are_needed_for(things)
  if schedulers.is_needed() then return true end
  for _, thing in ipairs(things) do
    if type(thing) == "table" then return true end
  end
  return false
end

-- timeout → the time at which it is over; nil: never
function schedulers.due_of(timeout) return timeout and native.time() + timeout end

-- Calls f, which waits. If the calling task is cancelled meanwhile, cancel() cancels the thing that it waits for, and
-- what a caller of this call answers for is cancelled after it.
function schedulers.while_answering_for(cancel, f)
  local task = schedulers.current() or {}
  local before = task.on_cancel
  task.on_cancel = before and function()
    cancel()
    before()
  end or cancel
  local a, b = f()
  task.on_cancel = before
  return a, b
end

-- Ends the wait of a waiter of any thread: its park returns a and b.
local function wake(waiter, a, b)
  waiter = waiter.of or waiter
  return waiter.home.wake(waiter, a, b)
end
schedulers.wake = wake

-- Wakes the first waiter of a list; false if the list is empty. Until it goes on, its end passes the wake on.
function schedulers.wake_one(list, a, b)
  if list.count == 0 then return false end
  local waiter = list[list.head]
  waiter = waiter.of or waiter
  waiter.home.wake(waiter, a, b)
  waiter.woken_from, waiter.is_plain = list, false
  return true
end

-- The waiter ends without having gone on: the wake, or the notification, that it got goes to the next one of its list.
function schedulers.pass_wake_on(waiter)
  local list, notified_in = waiter.woken_from, waiter.notified_in
  waiter.woken_from, waiter.notified_in = nil, nil
  if list then schedulers.wake_one(list, waiter.a, waiter.b) end
  if notified_in then schedulers.wake_one(notified_in, true) end
end

function schedulers.wake_all(list, a, b)
  while list.count > 0 do
    local waiter = list[list.head]
    waiter = waiter.of or waiter
    waiter.home.wake(waiter, a, b)
  end
end

function schedulers.cancel(task) return task.home.cancel(task) end
function schedulers.stop(task) return task.home.stop(task) end
function schedulers.asked(task) return task.home.asked(task) end

-- Calls f(task) when the task has ended, before its waiters continue.
function schedulers.on_end(task, f)
  task.watchers = task.watchers or {}
  table.insert(task.watchers, f)
end

-- A handle of this VM is closed, which may have a descriptor.
function schedulers.close_handle(thing, fd)
  for _, scheduler in pairs(of) do scheduler.close_handle(thing, fd) end
end

-- Ends the calling thread's tasks.
function schedulers.end_thread()
  local key = thread()
  local scheduler = of[key]
  if not scheduler then return end
  scheduler.end_all()
  of[key] = nil
end

-- What task.context is of a task that no task spawns. async/context.lua has another one.
function schedulers.context_outside() return nil end

-- In a forked child: forgets the schedulers of the parent.
function schedulers.after_fork()
  of = {}
  schedulers.is_forked = true -- a libuv loop would be the parent's
  native.set_busy(nil)
end

return setmetatable(schedulers, {
  __index = function(self, name)
    local function call(...) return here()[name](...) end
    self[name] = call
    return call
  end,
})
