-- SPDX-License-Identifier: MIT
-- Waits in places that cannot yield: outside of tasks, and in a task inside a C function, a coroutine of its own or a
-- pcall of Lua 5.1. The waiter's C stack stays as it is, and the thread continues on another stack.
--
--   fiber      a C stack of this thread (async/fiber.c). Code outside of tasks is on the thread's own stack; each
--              other stack has a loop that runs tasks (scheduler.run), and at most one task in the middle of a step.
--   waiter     waiter.fiber is the stack to switch to when the wait is over
--
-- A waiter that draws from a stream of random numbers of its own leaves it meanwhile (async/streams.lua).
--
-- Each scheduler, so each thread, has its own instance.
local _, native, scheduler, schedulers = ...

local fiber_new, fiber_switch, swap_stream = native.fiber_new, native.fiber_switch, native.random_swap

-- Idle stacks that are kept for further waits.
local KEPT = 4

local fibers = {}
local home = { handle = fiber_new() } -- the thread's own
local current = home -- the fiber that runs
local outside = nil -- the waiter of the code outside of tasks; while there is one, a loop runs
local idle = {} -- fibers whose loop does not run
local leave -- ends the program on behalf of a task; code outside of tasks has to call it

local function switch(to)
  local from = current
  current = to
  fiber_switch(from.handle, to.handle) -- raises if the VM is to stop
end

-- Ends the wait of the code outside of tasks with an error, because the loop failed.
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

-- Runs other fibers until the waiter is woken.
local function leave_stack(waiter)
  local to = table.remove(idle) or new_fiber()
  waiter.fiber = current
  local task = scheduler.set_current(nil)
  local state, stream = swap_stream(nil), task and task.stream
  if stream then stream.state = state end
  switch(to)
  if stream then state = stream.state end -- a task that shares it may have drawn meanwhile
  swap_stream(state)
  scheduler.set_current(task)
end

-- For the scheduler -----------------------------------------------------------------------------------

-- Waits until `waiter` is woken; raises an error if nothing can wake it.
function fibers.wait(waiter)
  local task = scheduler.current()
  if task and task.is_cancelled and not task.is_closing and not task.is_in_grace then
    scheduler.begin_grace(task)
    error("interrupted", 0)
  end
  local is_outside = outside == nil
  if is_outside then outside = waiter end
  if task then task.stuck = waiter end
  local here, ok, why = current, true, nil
  if not waiter.is_woken then ok, why = pcall(leave_stack, waiter) end
  current = here -- a failed fiber may have switched to this one
  if task then task.stuck = nil end
  if is_outside then outside = nil end
  if not ok then
    scheduler.withdraw(waiter)
    error(why, 0)
  end
  if is_outside and leave then leave() end
  if not waiter.failure then return end
  schedulers.pass_wake_on(waiter)
  error(waiter.failure, 0)
end

function fibers.are_running() return outside ~= nil end

-- The caller is on the thread's own stack, and nothing waits outside of tasks (scheduler.recover).
function fibers.recover() current, outside, idle = home, nil, {} end

-- Ends the wait of the code outside of tasks, which then calls f.
function fibers.leave_program(f)
  leave = f
  if outside then scheduler.wake(outside) end
end

return fibers
