-- SPDX-License-Identifier: MIT
-- mm.async: the functions and the class Task. The tasks are run by scheduler.lua.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local schedulers = require("async.init")

local expect, pack, unpack, time = checks.expect, checks.pack, checks.unpack, native.time
local busy = native.busy
local Task, task_meta = schedulers.Task, schedulers.task_meta

local async = {}

local function check_function(f, where, place)
  expect(checks.is_callable(f), where, "argument " .. place .. ": a function expected, got " .. type(f))
end

local function check_task(self, where)
  checks.self(self, task_meta, where)
end

local function as_function(f)
  if type(f) == "function" then return f end
  return function(...) return f(...) end
end

-- Task ------------------------------------------------------------------------------------------------

local function wait_until_done(task, due)
  if task == schedulers.current() then checks.fail("Task:get: a task cannot wait for itself") end
  if due and not task.state and time() >= due then waits.give_turn() end
  while not task.state do
    if due and time() >= due then return false end
    task._waiters = task._waiters or schedulers.new_list()
    schedulers.wait_in(task._waiters, due)
  end
  return true
end

local function results_of(task)
  schedulers.asked(task)
  if task.state ~= "done" then errors.raise(task.results) end
  return unpack(task.results, 1, task.results.n)
end

-- The results of the task's function, or nil and "timeout"; raises its error.
function Task.get(self, timeout)
  check_task(self, "Task:get")
  timeout = checks.timeout(timeout, "Task:get")
  if not wait_until_done(self, schedulers.due_of(timeout)) then return nil, "timeout" end
  return results_of(self)
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

function async.spawn(f, ...)
  check_function(f, "spawn", 1)
  return schedulers.spawn(as_function(f), ...)
end

function async.cancel(task)
  expect(getmetatable(task) == task_meta, "cancel", "Task expected, got " .. type(task))
  return schedulers.cancel(task)
end

-- The calling task; nil outside of tasks.
function async.current_task() return schedulers.current() end

-- Several at once -------------------------------------------------------------------------------------

local function cancel_all(tasks)
  for _, task in ipairs(tasks) do schedulers.cancel(task) end
end

-- Waits until all tasks have ended, or one has failed; returns the failed one, or nil.
local function wait_for_all(tasks)
  local done, left, failed = schedulers.new_list(), 0, nil
  local function look_at(task)
    if task.state ~= "done" then failed = failed or task end
  end
  for _, task in ipairs(tasks) do
    if task.state then
      look_at(task)
    else
      left = left + 1
      schedulers.on_end(task, function()
        left = left - 1
        look_at(task)
        if left == 0 or failed then schedulers.wake_all(done) end
      end)
    end
  end
  while left > 0 and not failed do schedulers.wait_in(done) end
  return failed
end

local function finish_together(tasks)
  local function cancel() cancel_all(tasks) end
  local failed = schedulers.while_answering_for(cancel, function() return wait_for_all(tasks) end)
  if not failed then return end
  cancel_all(tasks)
  for _, task in ipairs(tasks) do schedulers.asked(task) end
  errors.raise(failed.results)
end

local function as_task(thing, place)
  if getmetatable(thing) == task_meta then return thing end
  local meta = getmetatable(thing)
  if type(meta) == "table" and meta.__mm_future then
    local task = schedulers.spawn(function() return thing:get() end)
    task.on_cancel = function() thing:cancel() end
    return task
  end
  expect(checks.is_callable(thing), "gather",
    "thing " .. place .. ": a task, a future or a function expected, got " .. type(thing))
  return schedulers.spawn(as_function(thing))
end

-- gather{ tasks, futures or functions } → the first result of each, in order. The first failure cancels the rest and
-- is raised.
function async.gather(things)
  expect(type(things) == "table" and not getmetatable(things), "gather",
    "a list of tasks expected, got " .. type(things))
  local tasks, count = {}, checks.length(things, "gather", "argument 1")
  for i = 1, count do tasks[i] = as_task(things[i], i) end
  finish_together(tasks)
  local results = { n = count }
  for i, task in ipairs(tasks) do results[i] = task.results[1] end
  return results
end

local Group = {}
local group_meta = { __index = Group, __name = "Group", __mm_send = false }

function Group.spawn(self, f, ...)
  checks.self(self, group_meta, "Group:spawn")
  check_function(f, "Group:spawn", 1)
  if self._is_over then checks.fail("Group:spawn: the group has ended") end
  local task = schedulers.spawn(as_function(f), ...)
  self._left = self._left + 1
  self._tasks[#self._tasks + 1] = task
  schedulers.on_end(task, function()
    self._left = self._left - 1
    if task.state ~= "done" and not self._failed and not self._is_cancelled then self._failed = task end
    if self._left == 0 or self._failed then schedulers.wake_all(self._done) end
  end)
  if #self._tasks > 2 * self._left + 64 then -- drops the tasks that have ended
    local open = {}
    for _, each in ipairs(self._tasks) do
      if not each.state then open[#open + 1] = each end
    end
    self._tasks = open
  end
  return task
end

-- Cancels the tasks that run, without a failure of the group.
function Group.cancel(self)
  checks.self(self, group_meta, "Group:cancel")
  self._is_cancelled = true
  cancel_all(self._tasks)
end

-- group(f): calls f(g), which may g:spawn(…), waits until all tasks of the group have ended, and returns the results
-- of f. The first failure cancels the others and is raised.
function async.group(f)
  check_function(f, "group", 1)
  local group = setmetatable({ _tasks = {}, _left = 0, _done = schedulers.new_list() }, group_meta)
  local body = Group.spawn(group, f, group)
  schedulers.while_answering_for(function() Group.cancel(group) end, function()
    while group._left > 0 and not group._failed do schedulers.wait_in(group._done) end
  end)
  group._is_over = true
  local failed = group._failed
  cancel_all(group._tasks)
  for _, task in ipairs(group._tasks) do schedulers.asked(task) end
  if failed then errors.raise(failed.results) end
  return results_of(body)
end

-- timeout(seconds, f, …) → the results of f; or nil and "timeout" if f took longer and was cancelled.
function async.timeout(seconds, f, ...)
  expect(type(seconds) == "number", "timeout", "argument 1: a number of seconds expected, got " .. checks.show(seconds))
  seconds = checks.timeout(seconds, "timeout")
  check_function(f, "timeout", 2)
  local task = schedulers.spawn(as_function(f), ...)
  local is_done = schedulers.while_answering_for(function() schedulers.cancel(task) end, function()
    return wait_until_done(task, schedulers.due_of(seconds))
  end)
  if is_done then return results_of(task) end
  schedulers.cancel(task)
  schedulers.asked(task)
  return nil, "timeout"
end

-- run(main, …) → the results of main. When main returns, tasks that it or its tasks spawned and that still run are
-- cancelled.
function async.run(main, ...)
  check_function(main, "run", 1)
  local task = schedulers.spawn(as_function(main), ...)
  task.run = task
  local function cancel()
    schedulers.cancel(task)
    schedulers.end_run(task)
  end
  local ok, err = pcall(schedulers.while_answering_for, cancel, function() return wait_until_done(task) end)
  schedulers.asked(task)
  schedulers.end_run(task)
  if not ok then error(err, 0) end
  return results_of(task)
end

-- Other libraries ------------------------------------------------------------------------------------------------

-- await(f): calls f(resume), waits until resume(…) is called, and returns its arguments.
function async.await(f)
  check_function(f, "await", 1)
  local task, values = schedulers.current() or {}, nil
  local list = schedulers.new_list()
  local function resume(...)
    if values then return false end
    values = pack(...)
    schedulers.wake_all(list)
    return true
  end
  f(resume)
  if not values then
    schedulers.expect_outside(1)
    local before = task.on_cancel
    task.on_cancel = function()
      values = values or { n = 0 }
      schedulers.expect_outside(-1)
      if before then before() end
    end
    schedulers.wait_in(list)
    task.on_cancel = before
    schedulers.expect_outside(-1)
  end
  return unpack(values, 1, values.n)
end

local READ, WRITE = 1, 2
local MOST_DESCRIPTOR = 2147483647

local function index(thing, name) return thing[name] end

local methods = setmetatable({}, { __mode = "k" }) -- metatable of userdata → the method that returns a descriptor

-- The descriptor of `thing`: a number, or an object of luasocket (getfd), of cqueues (pollfd) or with fileno.
local function descriptor_of(thing, where)
  local meta = type(thing) == "userdata" and getmetatable(thing)
  local known = meta and methods[meta]
  if known then return known(thing) end
  for _, name in ipairs({ "getfd", "pollfd", "fileno" }) do
    local ok, method = pcall(index, thing, name)
    if ok and type(method) == "function" then
      if type(meta) == "table" then methods[meta] = method end
      return method(thing)
    end
  end
  expect(false, where, "argument 1: a file descriptor expected, got " .. checks.show(thing))
end

-- wait_fd(fd, "r" or "w", timeout) → true when it is readable or writable; or nil and "timeout" or another reason.
function async.wait_fd(fd, mode, timeout)
  if type(fd) ~= "number" then fd = descriptor_of(fd, "wait_fd") end
  if not checks.is_whole(fd, 0, MOST_DESCRIPTOR) then descriptor_of(fd, "wait_fd") end
  if mode ~= nil and mode ~= "r" and mode ~= "w" then
    expect(false, "wait_fd", "argument 2: 'r' or 'w' expected, got " .. checks.show(mode))
  end
  timeout = checks.timeout(timeout, "wait_fd")
  local scheduler, may_yield = busy()
  if not scheduler then return native.wait_descriptor(fd, mode or "r", timeout) end
  return scheduler.wait_fd(fd, mode == "w" and WRITE or READ, timeout and time() + timeout, may_yield)
end

-- debug(true): reports tasks that run for more than 100 ms without waiting.
function async.debug(is_on) schedulers.is_debugging = is_on and true or false end
if (native.environment("MANYMOONS_ASYNC_DEBUG") or "") ~= "" then schedulers.is_debugging = true end

return async
