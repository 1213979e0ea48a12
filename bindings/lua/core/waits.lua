-- SPDX-License-Identifier: MIT
-- The seam of waiting: each wait goes to the tasks of the calling thread, where it has some, or else to the operating
-- system. No function is ever replaced for that: the functions below ask, and a method of a handle asks in C, after an
-- attempt that found nothing (bindings/lua/core/waiting.h).
--
-- A method that would wait names its way. `ways` has both halves of each: the native wait of a thread without tasks,
-- and where a task stands until the method tries again (async/sources.lua). Both end when the method's attempt
-- succeeds, and by the same deadline. Methods that can say no way (put into a full queue of other VMs, its join,
-- conditions, barriers, send) take short looks in C and let tasks run between them: waiting.c, look_and_pause.
--
-- `waits.tasks` is the module async.schedulers once this VM uses tasks (async/init.lua sets it), and nil before: a VM
-- without tasks loads nothing of them.
local require, native = ...

local checks = require("core.checks")

local busy = native.busy

local waits = { tasks = nil }

-- The native waits are functions in C, all by wait_for of waiting.c.
waits.ways = {
  -- Queue:get, Connection:recv, recv_bytes and poll; acquire of Semaphore and BoundedSemaphore
  ready = { native = "queue.c:get_until, pipe.c:wait_for_message, locks.c:wait_and_take", task = "by_handle" },
  -- acquire of Lock and RLock
  lock = { native = "locks.c:wait_and_take", task = "by_lock" },
  -- Event:wait
  change = { native = "conditions.c:wait_for_event", task = "by_each_change" },
  -- the end of a worker
  worker = { native = "worker.c:sleep_until_end", task = "by_handle_and_descriptor" },
  -- receive and ready of the sockets behind Listener and Client
  readable = { native = "socket.c:receive", task = "by_descriptor" },
  -- get, put and join of the queues of one VM
  item = { native = "local_queue.c:wait_for_value", task = "in_list" },
  room = { native = "local_queue.c:wait_for_room", task = "in_list" },
  done = { native = "local_queue.c:join_until", task = "in_list" },
}

for _, way in ipairs(native.wait_ways()) do
  assert(waits.ways[way], way)
end

local function begin(scheduler, handle, way, ...)
  return scheduler.begin_wait(waits.ways[way].task, handle, way, ...)
end

-- From now on waits go to tasks where there are some: tasks is async.schedulers, wake(queue, way, is_all) wakes those
-- that stand in a list, close(handle, descriptor or nil) those that wait for what is closed;
-- descriptor(fd, is_write) waits for C code, which cannot yield.
function waits.use(tasks, wake, close, descriptor)
  waits.tasks = tasks
  native.set_waits(begin, wake, close, descriptor)
  native.set_wait_pauser(tasks.pause)
end

-- Suspends the calling task, or sleeps.
function waits.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds or seconds < 0 then
    checks.fail("sleep: a number of seconds, 0 or more, expected, got " .. checks.show(seconds))
  end
  local scheduler, can_yield = busy()
  if scheduler then return scheduler.sleep(seconds, can_yield) end
  return native.sleep(seconds)
end

-- For a call that does not wait and found nothing, before it looks again (core/waiting.h: waiting_give_turn).
function waits.give_turn()
  local scheduler, can_yield = busy()
  if scheduler then scheduler.sleep(0, can_yield) end
end

-- The calls with a time limit that no other worker ends, by their task; false: none. A call: begun, limit; is_polling
-- once it asks for itself.
local limited = setmetatable({}, { __mode = "k" })

-- The calling task has such a call, or none any more (nil).
function waits.set_limited(call) limited[waits.current_task() or false] = call end

local function is_late(call)
  if not call then return false end
  call.is_polling = true
  return native.time() - call.begun > call.limit
end

-- Whether the calling task, the worker that calls, or its call is asked to end. False elsewhere.
function waits.is_cancelled()
  local scheduler, can_yield = busy()
  local task = scheduler and scheduler.current()
  if task and scheduler.is_asked(can_yield) then return true end
  return is_late(limited[task or false]) or native.is_asked_to_stop()
end

-- any(things, timeout, once, patience) → the places of the things that are ready (core/wait_any.c). Sources
-- (async/sources.lua) may be among the things where tasks are used.
function waits.any(things, ...)
  local tasks = waits.tasks
  if tasks and tasks.are_needed_for(things) then return tasks.wait_any(things, ...) end
  return native.wait_any(things, ...)
end

-- Whether the calling thread has tasks, so that its waits have to let them run.
function waits.has_tasks() return waits.tasks ~= nil and waits.tasks.is_needed() end

-- Whether the calling thread has tasks beside the caller.
function waits.has_other_tasks()
  local scheduler = busy()
  return scheduler ~= nil and scheduler.live > (scheduler.current() and 1 or 0)
end

-- The task that calls; nil outside of tasks.
function waits.current_task() return waits.tasks and waits.tasks.current() end

-- Whether the worker that calls is stopped, or the calling task was cancelled where it could not be stopped: it ends by
-- an error, which no protected call of ours may take for the script's.
function waits.is_ending() return native.is_stopped() or (waits.tasks ~= nil and waits.tasks.is_ending()) end

-- Whether the worker to which the calling task belongs has called os.exit.
function waits.has_exited()
  local task = waits.current_task()
  return task ~= nil and task.process ~= nil and task.process.exit_code ~= nil
end

return waits
