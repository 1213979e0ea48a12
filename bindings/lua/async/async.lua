-- SPDX-License-Identifier: MIT
-- mm.async: the functions. The tasks are run by scheduler.lua.
local require, native = ...

local checks = require("core.checks")
local schedulers = require("async.init")
local tasks = require("async.tasks")
local together = require("async.together")

local expect, pack, unpack, time = checks.expect, checks.pack, checks.unpack, native.time
local busy = native.busy
local check_function, as_function = tasks.check_function, tasks.as_function

local async = { context = require("async.context") }
for name, f in pairs(together) do async[name] = f end

function async.spawn(f, ...)
  check_function(f, "spawn", 1)
  return schedulers.spawn(as_function(f), ...)
end

function async.cancel(task)
  expect(getmetatable(task) == tasks.meta, "cancel", "Task expected, got " .. type(task))
  return schedulers.cancel(task)
end

-- The calling task; nil outside of tasks.
function async.current_task() return schedulers.current() end

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
  local ok, err = pcall(schedulers.while_answering_for, cancel, function() return tasks.wait_until_done(task) end)
  schedulers.asked(task)
  schedulers.end_run(task)
  if not ok then error(err, 0) end
  return tasks.results_of(task)
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

-- in_nvim(f, …) → the results of f(…), called in Neovim's main loop, where vim.api and vim.fn may be used. A task may
-- run in a callback of libuv, where most of them may not.
function async.in_nvim(f, ...)
  check_function(f, "in_nvim", 1)
  local vim = rawget(_G, "vim")
  local is_there = type(vim) == "table" and type(vim.schedule) == "function"
  expect(is_there, "in_nvim", "there is no editor here: vim belongs to Neovim, and its workers have none")
  if not vim.in_fast_event() then return f(...) end
  local arguments = pack(...)
  local results = pack(async.await(function(resume)
    vim.schedule(function() resume(pcall(f, unpack(arguments, 1, arguments.n))) end)
  end))
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
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
