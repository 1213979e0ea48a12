-- SPDX-License-Identifier: MIT
-- What becomes of code that waits where it cannot yield: code outside of tasks, and a task inside a C function, a
-- coroutine of its own, or a pcall of Lua 5.1. It leaves its C stack as it stands, and another one goes on.
--
--   fiber      a C stack of this thread (async/fiber.c). The thread's own one has its code outside of tasks; each
--              other one has a loop that runs tasks (scheduler.run), and at most one task in the middle of a step.
--   waiter     fiber: whom to switch to when the wait is over
--
-- A part of a scheduler, so of one thread.
local _, native, scheduler = ...

local fiber_new, fiber_switch = native.fiber_new, native.fiber_switch

-- Stacks that are kept for the next wait.
local KEPT = 4

local fibers = {}
local home = { handle = fiber_new() } -- the thread's own
local current = home -- the fiber that runs
local outside = nil -- the waiter of the code outside of tasks; while there is one, a loop runs
local idle = {} -- fibers whose loop rests
local leave -- ends the program; a task asked for it, and code outside of tasks has to do it

local function switch(to)
  local from = current
  current = to
  fiber_switch(from.handle, to.handle) -- raises if the VM is to stop
end

-- The loop cannot go on.
local function fail_outside(why)
  outside.failure = why
  scheduler.withdraw(outside)
  return outside
end

local function new_fiber()
  local fiber = {}
  local function run()
    while true do
      local ok, waiter = pcall(scheduler.run)
      if not ok then waiter = fail_outside(waiter) end
      local to = waiter.fiber
      waiter.fiber = nil
      if #idle >= KEPT then
        current = to
        return to.handle
      end
      table.insert(idle, fiber)
      switch(to)
    end
  end
  fiber.co = coroutine.create(run)
  local why
  fiber.handle, why = fiber_new(fiber.co, home.handle)
  if not fiber.handle then error("async: no stack for a task that waits where it cannot yield: " .. why, 0) end
  return fiber
end

-- Lets other fibers run until the waiter may go on.
local function leave_stack(waiter)
  local to = table.remove(idle) or new_fiber()
  waiter.fiber = current
  local task = scheduler.set_current(nil)
  switch(to)
  scheduler.set_current(task)
end

-- For the scheduler -----------------------------------------------------------------------------------

-- Until `waiter` is woken; raises if that will never be.
function fibers.wait(waiter)
  local task = scheduler.current()
  if task and task.is_cancelled and not task.is_closing then error("interrupted", 0) end
  local is_outside = outside == nil
  if is_outside then outside = waiter end
  if task then task.stuck = waiter end
  local here, ok, why = current, true, nil
  if not waiter.is_woken then ok, why = pcall(leave_stack, waiter) end
  current = here -- it may have come back from a fiber that failed
  if task then task.stuck = nil end
  if is_outside then outside = nil end
  if not ok then
    scheduler.withdraw(waiter)
    error(why, 0)
  end
  if is_outside and leave then leave() end
  if waiter.failure then error(waiter.failure, 0) end
end

function fibers.are_running() return outside ~= nil end

-- Code outside of tasks calls f when its wait ends, which is now.
function fibers.leave_program(f)
  leave = f
  if outside then scheduler.wake(outside) end
end

return fibers
