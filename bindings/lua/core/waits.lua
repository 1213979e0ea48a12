-- SPDX-License-Identifier: MIT
-- The seam of waiting for code in Lua: each wait goes to the tasks of the calling thread, where it has some, or else to
-- the operating system.
--
-- `waits.tasks` is the module async.schedulers once this VM uses tasks (async/init.lua sets it), and nil before: a VM
-- without tasks loads nothing of them.
local _, native = ...

local busy = native.busy

local waits = { tasks = nil }

-- Suspends the calling task, or sleeps.
function waits.sleep(seconds)
  local scheduler, can_yield = busy()
  if scheduler and type(seconds) == "number" and seconds >= 0 then return scheduler.sleep(seconds, can_yield) end
  return native.sleep(seconds)
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

-- The task that calls; nil outside of tasks.
function waits.current_task() return waits.tasks and waits.tasks.current() end

-- Whether the calling task was cancelled where it could not be stopped: it ends by an error, which no protected call of
-- ours may take for the script's.
function waits.is_ending() return waits.tasks ~= nil and waits.tasks.is_ending() end

return waits
