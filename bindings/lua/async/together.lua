-- SPDX-License-Identifier: MIT
-- Several tasks at once. A function that waits for tasks answers for them: none of them outlives it, and when the task
-- that called it is cancelled, so are they. `shield` makes the exception.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local schedulers = require("async.init")
local tasks = require("async.tasks")

local expect, pack, unpack, time = checks.expect, checks.pack, checks.unpack, native.time
local check_function, as_function, task_meta = tasks.check_function, tasks.as_function, tasks.meta

local together = {}

-- Arguments -----------------------------------------------------------------------------------------------

local function check_list(list, where, what)
  expect(type(list) == "table" and not getmetatable(list), where, what .. " expected, got " .. type(list)
    .. checks.swapped(list, where, "list"))
  return checks.length(list, where, "argument 1")
end

local function read_options(options, allowed, where)
  if options == nil then return {} end
  expect(type(options) == "table", where, "options: a table expected, got " .. checks.show(options))
  checks.check_options(options, allowed, where)
  local limit, how = options.limit, options.errors
  expect(limit == nil or checks.is_whole(limit, 1, 2 ^ 31), where,
    "limit: a whole number, 1 or more, expected, got " .. checks.show(limit))
  expect(how == nil or how == "raise" or how == "return", where,
    "errors: 'raise' or 'return' expected, got " .. checks.show(how))
  return options
end

local function read_seconds(seconds, where)
  expect(type(seconds) == "number", where, "argument 1: a number of seconds expected, got " .. checks.show(seconds)
    .. checks.swapped(seconds, where, "seconds"))
  return checks.timeout(seconds, where)
end

local function read_delay(seconds, where, least, words)
  local delay = read_seconds(seconds, where) -- nil: infinite; what is below 0 became 0
  expect(delay and seconds >= least, where, "argument 1: a number of seconds, " .. words .. ", expected, got "
    .. checks.show(seconds))
  return delay
end

-- A task for a thing of a list: itself, or one that waits for the future, or calls the function.
local function as_task(thing, where, place)
  local meta = getmetatable(thing)
  if meta == task_meta then return thing end
  if type(meta) == "table" and meta.__mm_future then
    local task = schedulers.spawn(function() return thing:get() end)
    task.on_cancel = function() thing:cancel() end
    return task
  end
  expect(checks.is_callable(thing), where,
    "thing " .. place .. ": a task, a future or a function expected, got " .. type(thing))
  return schedulers.spawn(as_function(thing))
end

local function as_tasks(things, where)
  local list, count = {}, check_list(things, where, "a list of tasks")
  for i = 1, count do list[i] = as_task(things[i], where, i) end
  return list, count
end

-- Waiting for several -------------------------------------------------------------------------------------

local function cancel_all(list)
  for _, task in ipairs(list) do schedulers.cancel(task) end
end

local function ask_all(list)
  for _, task in ipairs(list) do schedulers.asked(task) end
end

-- Waits until all tasks of the list have ended, or note(task) was true for one: → that one, or nil. When the caller is
-- cancelled, so are they.
local function wait_for_one(list, note)
  local done, left, found = schedulers.new_list(), 0, nil
  local function look_at(task)
    if not found and note(task) then found = task end
  end
  for _, task in ipairs(list) do
    if task.state then
      look_at(task)
    else
      left = left + 1
      schedulers.on_end(task, function()
        left = left - 1
        look_at(task)
        if left == 0 or found then schedulers.wake_all(done) end
      end)
    end
  end
  schedulers.while_answering_for(function() cancel_all(list) end, function()
    while left > 0 and not found do schedulers.wait_in(done) end
  end)
  return found
end

local function has_failed(task) return task.state ~= "done" end
local function has_succeeded(task) return task.state == "done" end
local function never() return false end

-- The first result of the task, which has ended; or its error.
local function outcome_of(task)
  if task.state == "done" then return task.results[1] end
  return task.results
end

-- Raises the first failure, whose field `errors` has it and those of the others that failed before the rest was
-- cancelled.
local function raise_failures(first, list)
  local all = { first.results }
  for _, task in ipairs(list) do
    if task ~= first and task.state == "failed" then all[#all + 1] = task.results end
  end
  if #all > 1 then first.results.errors, first.results.is_of_group = all, true end
  errors.raise(first.results)
end

-- gather{ tasks, futures or functions } → the first result of each, in order. The first failure cancels the rest and
-- is raised; with errors = "return" the error of each that failed stands in its place.
function together.gather(things, options)
  options = read_options(options, { errors = true }, "gather")
  local list, count = as_tasks(things, "gather")
  local failed = wait_for_one(list, options.errors == "return" and never or has_failed)
  if failed then cancel_all(list) end
  ask_all(list)
  if failed then raise_failures(failed, list) end
  local results = { n = count }
  for i, task in ipairs(list) do results[i] = outcome_of(task) end
  return results
end

local function all_failed(list)
  local texts, all = {}, {}
  for i, task in ipairs(list) do texts[i], all[i] = errors.text_of(task.results.message), task.results end
  local err = errors.of_kind("error", ("race: all %d failed: %s"):format(#list, table.concat(texts, "; ")))
  err.errors = all
  return err
end

-- race{ tasks, futures or functions } → the results of the first that succeeds; the others are cancelled.
function together.race(things)
  local list, count = as_tasks(things, "race")
  expect(count > 0, "race", "a list of at least one task expected, got an empty one")
  local winner = wait_for_one(list, has_succeeded)
  cancel_all(list)
  ask_all(list)
  if not winner then errors.raise(count == 1 and list[1].results or all_failed(list)) end
  return tasks.results_of(winner)
end

-- shield(task, future or function) → a task with the same outcome. To cancel it ends the wait for the other one, and
-- not the other one.
function together.shield(thing)
  local inner = as_task(thing, "shield", 1)
  return schedulers.spawn(function()
    tasks.wait_until_done(inner)
    return tasks.results_of(inner)
  end)
end

-- Groups --------------------------------------------------------------------------------------------------

local Group = {}
local group_meta = { __index = Group, __name = "Group", __mm_send = false }
function group_meta.__tostring(self) return ("Group: %d tasks running"):format(self._left) end

-- Of the tasks of a group the list keeps those that run.
local function drop_ended(group)
  if #group._tasks <= 2 * group._left + 64 then return end
  local open = {}
  for _, each in ipairs(group._tasks) do
    if not each.state then open[#open + 1] = each end
  end
  group._tasks = open
end

-- on_end(task), if there is one, is called before the group looks at the outcome; true: it is no failure of the group.
local function add_task(group, on_end, f, ...)
  local task = schedulers.spawn(as_function(f), ...)
  group._left = group._left + 1
  group._tasks[#group._tasks + 1] = task
  schedulers.on_end(task, function()
    group._left = group._left - 1
    schedulers.wake_one(group._room)
    local is_fine = (on_end and on_end(task)) or task.state == "done" or group._is_cancelled
    if not is_fine then
      group._failed = group._failed or task
      table.insert(group._failures, task)
    end
    if group._left == 0 or group._failed then schedulers.wake_all(group._done) end
  end)
  drop_ended(group)
  return task
end

-- The function of the group counts among its tasks, but not for the limit.
local function wait_for_room(group)
  while group._left - (group._body.state and 0 or 1) >= group._limit do schedulers.wait_in(group._room) end
end

function Group.spawn(self, f, ...)
  checks.self(self, group_meta, "Group:spawn")
  check_function(f, "Group:spawn", 1)
  if self._is_over then checks.fail("Group:spawn: the group has ended") end
  if self._limit then wait_for_room(self) end
  return add_task(self, nil, f, ...)
end

-- Cancels the tasks that run, without a failure of the group.
function Group.cancel(self)
  checks.self(self, group_meta, "Group:cancel")
  self._is_cancelled = true
  cancel_all(self._tasks)
end

local function run_group(limit, f)
  local group = setmetatable({ _tasks = {}, _left = 0, _limit = limit, _failures = {},
    _done = schedulers.new_list(), _room = schedulers.new_list() }, group_meta)
  group._body = add_task(group, nil, f, group)
  schedulers.while_answering_for(function() Group.cancel(group) end, function()
    while group._left > 0 and not group._failed do schedulers.wait_in(group._done) end
  end)
  group._is_over = true
  local failed = group._failed
  cancel_all(group._tasks)
  ask_all(group._tasks)
  if failed then raise_failures(failed, group._failures) end
  return tasks.results_of(group._body)
end

-- group(f), group{ limit = n, f } or group({ limit = n }, f): calls f(g), which may g:spawn(…), waits until all tasks
-- of the group have ended, and returns the results of f. The first failure cancels the others and is raised. With a
-- limit, g:spawn waits while so many tasks run.
function together.group(f, g)
  local limit = nil
  if type(f) == "table" and not getmetatable(f) then
    local options = f
    f = g
    if f == nil then f = options[1] end
    limit = read_options(options, { limit = true, [1] = true }, "group").limit
    check_function(f, "group", 2)
  else
    check_function(f, "group", 1)
  end
  return run_group(limit, f)
end

-- map(list, f, { limit =, errors = }) → the first result of f for each item, in order; at most `limit` calls run at
-- once. The first failure cancels the rest and is raised; errors: as in gather.
function together.map(list, f, options)
  local count = check_list(list, "map", "a list")
  check_function(f, "map", 2)
  options = read_options(options, { limit = true, errors = true }, "map")
  local results, returns = { n = count }, options.errors == "return"
  run_group(options.limit, function(group)
    for i = 1, count do
      if group._limit then wait_for_room(group) end
      add_task(group, function(task)
        if returns then schedulers.asked(task) end
        if returns or task.state == "done" then results[i] = outcome_of(task) end
        return returns
      end, f, list[i])
    end
  end)
  return results
end

-- Time ----------------------------------------------------------------------------------------------------

-- timeout(seconds, f, …) → the results of f; or nil and "timeout" if f took longer and was cancelled.
function together.timeout(seconds, f, ...)
  seconds = read_seconds(seconds, "timeout")
  check_function(f, "timeout", 2)
  local task = schedulers.spawn(as_function(f), ...)
  local is_done = schedulers.while_answering_for(function() schedulers.cancel(task) end, function()
    return tasks.wait_until_done(task, schedulers.due_of(seconds))
  end)
  if is_done then return tasks.results_of(task) end
  schedulers.cancel(task)
  schedulers.asked(task)
  return nil, "timeout"
end

-- after(seconds, f, …) → a task that calls f(…) then, unless it is cancelled before.
function together.after(seconds, f, ...)
  seconds = read_delay(seconds, "after", 0, "0 or more")
  check_function(f, "after", 2)
  local args = pack(...)
  return schedulers.spawn(function()
    waits.sleep(seconds)
    return f(unpack(args, 1, args.n))
  end)
end

-- every(seconds, f, …) → a task that calls f(…) again and again, until it is cancelled or f raises. A call that takes
-- longer delays no later one: those that were missed are left out.
function together.every(seconds, f, ...)
  seconds = read_delay(seconds, "every", 1e-6, "more than 0")
  check_function(f, "every", 2)
  local args = pack(...)
  return schedulers.spawn(function()
    local due = time() + seconds
    while true do
      waits.sleep(math.max(0, due - time()))
      f(unpack(args, 1, args.n))
      local late = time() - due
      due = due + seconds * math.max(1, math.ceil(late / seconds))
    end
  end)
end

return together
