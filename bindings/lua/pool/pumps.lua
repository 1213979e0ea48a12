-- SPDX-License-Identifier: MIT
-- Pumping a pool where the waiters are tasks. Of the tasks of a VM that wait for futures of one
-- pool one pumps (pool/dispatcher.lua). The others wait in their future's line until the future is
-- settled, or until the pumping task is done, or cancelled, and another one has to pump.
--
--   queue    pumper: the token of the task that pumps (task: that one, nil for code outside of tasks); lines: a set of
--            the futures that have a line
--   future   _line: a list of waiting tasks
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")

local time = native.time

local pumps = {}

-- A source for each backend that a task pumps, woken when another one took a result that the
-- pumping task may wait for.
local sources = setmetatable({}, { __mode = "k" })

local function source_of(backend)
  local source = sources[backend]
  if not source then
    source = { _waiters = waits.tasks.new_list(), _is_ready = function() return false end }
    sources[backend] = source
  end
  return source
end

local function after_wait(due, id, ...)
  if id or (...) ~= "timeout" then return id, ... end
  return nil, due and time() >= due and "timeout" or "check"
end

local function take_as_task(backend, workers, due, id, ...)
  if id or (...) ~= "timeout" then return id, ... end
  local things = { backend:waitable(), source_of(backend), checks.unpack(workers) }
  waits.tasks.wait_any(things, due and math.max(0, due - time()), true)
  return after_wait(due, backend:take(workers, 0))
end

-- backend:take(workers, timeout), which in a task suspends the task alone.
function pumps.take(backend, workers, timeout)
  if timeout == 0 or not waits.has_tasks() then return backend:take(workers, timeout) end
  return take_as_task(backend, workers, waits.tasks.due_of(timeout), backend:take(workers, 0))
end

-- Wakes the other waiters: each checks its future again.
function pumps.wake(backend)
  backend:wake()
  if sources[backend] then waits.tasks.wake_all(sources[backend]._waiters) end
end

-- The pump is free: the first task of a line pumps from now on.
function pumps.pass_on(queue)
  queue.pumper = nil
  for future in pairs(queue.lines) do
    if future._line.count > 0 then return waits.tasks.wake_one(future._line) end
    queue.lines[future] = nil
  end
end

-- The wait of code outside of tasks was ended by an error after which none of this file ran.
function pumps.recover(queue)
  queue.is_calling_back = false
  if queue.pumper and not queue.pumper.task then pumps.pass_on(queue) end
end

-- The future is settled: the tasks that stand in its line go on.
function pumps.wake_line(queue, future)
  queue.lines[future] = nil
  waits.tasks.wake_all(future._line)
end

local function pump_for(pool, future, due, pump_until)
  local pumper, queue = { task = waits.current_task() }, pool._queue
  queue.pumper = pumper
  local function leave()
    if queue.pumper == pumper then pumps.pass_on(queue) end
  end
  local ok, done, why = pcall(waits.tasks.while_answering_for, leave, function()
    return pump_until(pool, future, due and math.max(0, due - time()))
  end)
  leave()
  if not ok then error(done, 0) end
  return done, why
end

local function in_turn(pool, future, timeout, pump_until)
  local tasks, queue = waits.tasks, pool._queue
  local due = tasks.due_of(timeout)
  while queue.pumper and not future._is_done and not queue.has_ended do
    if due and time() >= due then return nil, "timeout" end
    future._line = future._line or tasks.new_list()
    queue.lines[future] = true
    tasks.wait_in(future._line, due)
  end
  if future._is_done then return true end
  return pump_for(pool, future, due, pump_until)
end

-- pump_until(pool, thing, timeout). Of the tasks that wait for futures of the pool one pumps at a time.
function pumps.until_done(pool, thing, timeout, pump_until)
  if timeout ~= 0 and thing._settle and waits.has_tasks() then return in_turn(pool, thing, timeout, pump_until) end
  return pump_until(pool, thing, timeout)
end

return pumps
