-- SPDX-License-Identifier: MIT
-- The class Task: what a script does with a task. The tasks are run by scheduler.lua.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local schedulers = require("async.init")

local expect, unpack, time = checks.expect, checks.unpack, native.time
local Task, task_meta = schedulers.Task, schedulers.task_meta

local tasks = { meta = task_meta }

function tasks.check_function(f, where, place)
  expect(checks.is_callable(f), where, "argument " .. place .. ": a function expected, got " .. type(f))
end

function tasks.as_function(f)
  if type(f) == "function" then return f end
  return function(...) return f(...) end
end

local function check_task(self, where)
  checks.self(self, task_meta, where)
end

-- False: it had not ended by then.
function tasks.wait_until_done(task, due)
  if task == schedulers.current() then checks.fail("Task:get: a task cannot wait for itself") end
  if due and not task.state and time() >= due then waits.give_turn() end
  while not task.state do
    if due and time() >= due then return false end
    task._waiters = task._waiters or schedulers.new_list()
    schedulers.wait_in(task._waiters, due)
  end
  return true
end
local wait_until_done = tasks.wait_until_done

-- Of a task that has ended; raises its error.
function tasks.results_of(task)
  schedulers.asked(task)
  if task.state ~= "done" then errors.raise(task.results) end
  return unpack(task.results, 1, task.results.n)
end

-- The results of the task's function, or nil and "timeout"; raises its error.
function Task.get(self, timeout)
  check_task(self, "Task:get")
  timeout = checks.timeout(timeout, "Task:get")
  if not wait_until_done(self, schedulers.due_of(timeout)) then return nil, "timeout" end
  return tasks.results_of(self)
end

-- True if the task has ended, with or without an error; or nil and "timeout".
function Task.wait(self, timeout)
  check_task(self, "Task:wait")
  timeout = checks.timeout(timeout, "Task:wait")
  if not wait_until_done(self, schedulers.due_of(timeout)) then return nil, "timeout" end
  return true
end

-- True: the task ends where it waits, or at its next wait, with an error of kind "cancelled". False: it had ended.
function Task.cancel(self)
  check_task(self, "Task:cancel")
  return schedulers.cancel(self)
end

function Task.done(self)
  check_task(self, "Task:done")
  if not self.state and self ~= schedulers.current() then waits.give_turn() end
  return self.state ~= nil
end

return tasks
