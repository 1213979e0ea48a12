-- SPDX-License-Identifier: MIT
-- os.exit of a VM whose tasks may call it: in a worker it ends the worker, in another task the program. The first use
-- of tasks loads this module, which puts its function into `os`, once.
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")

local unpack, pack = checks.unpack, checks.pack

local exit = os.exit

os.exit = native.seal(function(code, ...)
  local task, rest = waits.current_task(), pack(...)
  if not task then return exit(code, ...) end
  local tasks = waits.tasks
  if not task.process then tasks.exit_program(function() return exit(code, unpack(rest, 1, rest.n)) end) end
  if code == nil or code == true then code = 0 elseif code == false then code = 1 end
  if type(code) ~= "number" then return exit(code, ...) end
  tasks.exit(math.floor(code) % 256, task.process)
end)
