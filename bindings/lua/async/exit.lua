-- SPDX-License-Identifier: MIT
-- The seam of os.exit. Where it is called decides what it ends:
--
--   a call of a worker of    that worker: the call is unwound by an error, and has died even if it catches it
--   the world serial
--   the thread of a worker   the worker
--   a task of a worker       that worker
--   another task             the program, or the worker of its thread, by code outside of tasks
--   elsewhere                the program, by the function that was there before
--
-- The first use of tasks, the first thread of a worker, or the first pool loads this module. The os.exit of the host
-- program asks it (exit_seam.h). In other hosts it puts its function into `os`, once, and a host that uses none of
-- them keeps its own.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local waits = require("core.waits")

local unpack, pack = checks.unpack, checks.pack

local os = rawget(_G, "os")
if type(os) ~= "table" then return { told = {} } end

local before = os.exit
local exit = { told = {} } -- functions to call before the program ends

-- What code outside of tasks is a part of ends: a thread of a worker, by an error; the program after the return.
local function prepare_end(code)
  native.exit_thread(code)
  for _, f in ipairs(exit.told) do f() end
end

-- The exit code of a worker; nil: no such argument, and `before` says so.
local function code_of(argument)
  if argument == nil or argument == true then return 0 end
  if argument == false then return 1 end
  return type(argument) == "number" and math.floor(argument) % 256 or nil
end

-- Ends the call of a worker of the world `serial` which the caller is in, if it is in one.
local function leave_call(argument, task)
  local worker, code = identity.current(), code_of(argument)
  if not worker.is_call or worker.task ~= task or not code then return end
  worker.exit_code = code
  error("interrupted", 0)
end

local end_program -- outside of tasks
local is_leaving = false -- it was called; the host's asks once more, on its way

-- Ends the worker that the caller is a part of. Returns where that is the program.
local function leave_worker(argument, ...)
  if is_leaving then return prepare_end(argument) end
  local task, rest = waits.current_task(), pack(...)
  leave_call(argument, task)
  if not task then return prepare_end(argument) end
  if not task.process then
    waits.tasks.exit_program(function()
      is_leaving = true
      return end_program(argument, unpack(rest, 1, rest.n))
    end)
  end
  local code = code_of(argument)
  if code then waits.tasks.exit(code, task.process) end
end

end_program = native.take_exit(leave_worker)
if not end_program then
  end_program = function(argument, ...)
    prepare_end(argument)
    return before(argument, ...)
  end
  os.exit = native.replace_original("os", "exit", function(argument, ...)
    leave_worker(argument, ...)
    return before(argument, ...)
  end, before)
end

return exit
