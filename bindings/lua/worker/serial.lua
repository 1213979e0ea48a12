-- SPDX-License-Identifier: MIT
-- The Process of a world without workers: start calls the function in the caller, and returns when it has ended. The
-- pools of such a world are in pool/local/serial_backend.lua.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local limits = require("worker.limits")
local log = require("worker.log")
local processors = require("worker.processors")
local process = require("worker.process")
local sandbox = require("worker.sandbox")
local waits = require("core.waits")

local unpack = checks.unpack

-- Process ---------------------------------------------------------------------------------------------

local Process = {}
local process_meta = { __index = Process, __name = "Process", __mm_send = false }

local function check_open(self, where)
  checks.self(self, process_meta, where)
  if self._closed then checks.fail(where .. ": " .. native.printable(self.name) .. " is closed") end
end

local function started(self, where)
  check_open(self, where)
  if not self._started then checks.fail(where .. ": " .. native.printable(self.name) .. " has not been started") end
end

function Process.start(self)
  check_open(self, "Process:start")
  if self._started then checks.fail("Process:start: " .. native.printable(self.name) .. " was started before") end
  require("async.exit") -- only now: a host that starts none keeps its os.exit
  self._started = true
  self.pid, self.sentinel = native.pid(), self
  log.say("info", "%s starts, pid %d", self.name, self.pid)
  local own = {
    name = self.name, pid = self.pid, daemon = self.daemon, world = self._world, is_call = true,
    task = waits.current_task(),
  }
  local before, parent = identity.set_current(own, identity.current())
  local mark = native.held_locks_mark()
  local ok, err = errors.call_here(self.name, self._target, unpack(self._args, 1, self._args.n))
  native.held_locks_end_since(mark, not ok or own.exit_code ~= nil)
  identity.set_current(before, parent)
  self.exitcode = own.exit_code or (ok and 0 or 1)
  log.say_end(self.name, self.exitcode)
  if not ok and not own.exit_code then
    diagnostics.write(native.printable(self.name) .. ": " .. tostring(err) .. "\n")
  end
end

function Process.join(self, timeout)
  started(self, "Process:join")
  checks.timeout(timeout, "Process:join")
  return true
end

function Process.is_alive(self)
  check_open(self, "Process:is_alive")
  return false
end

function Process.terminate(self) started(self, "Process:terminate") end
function Process.kill(self) started(self, "Process:kill") end

function Process.close(self)
  checks.self(self, process_meta, "Process:close")
  self._closed, self.sentinel = true, nil
end
process_meta.__close = Process.close

function process_meta.__tostring(self) return "Process: " .. native.printable(self.name) end
function process_meta.__mm_wait(self)
  if not self._closed then started(self, "wait") end
  return true
end

-- The constructor of Process in a world without workers.
local function class(world)
  return function(...)
    local options = process.read_arguments(...)
    limits.read("Process", world, options) -- an error if there are some: there is no worker
    sandbox.read("Process", world, options)
    processors.read("Process", world, options.cpus)
    return setmetatable({
      _world = world,
      _target = options.target,
      _args = options.args,
      name = options.name or process.next_name("Process"),
      daemon = options.daemon,
    }, process_meta)
  end
end

return { class = class }
