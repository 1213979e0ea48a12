-- SPDX-License-Identifier: MIT
-- The serial world's Process: a plain call, made at once by start, in the caller. Its pools are in serial_pool.lua.
local private = ...

local unpack = private.unpack

-- Process: the call is made by start ------------------------------------------------------------------------

local Process = {}

local function started(self, where)
  if not self._started then error(where .. ": " .. self.name .. " has not been started", 3) end
end

function Process.start(self)
  if self._started then error("Process:start: " .. self.name .. " was started before", 2) end
  self._started = true
  self.pid = private.pid()
  local before = private.set_current({ name = self.name, pid = self.pid, daemon = self.daemon, world = "serial" })
  local mark = private.held_mark()
  local ok, err = private.call_here(self.name, self._target, unpack(self._args, 1, self._args.n))
  private.held_end_since(mark, not ok)
  private.set_current(before)
  self.exitcode = ok and 0 or 1
  if not ok then
    io.stdout:flush()
    io.stderr:write(self.name, ": ", tostring(err), "\n")
  end
end

function Process.join(self)
  started(self, "Process:join")
  return true
end

function Process.is_alive() return false end
function Process.terminate(self) started(self, "Process:terminate") end
function Process.kill(self) started(self, "Process:kill") end
function Process.close() end

local process_meta = {
  __index = Process,
  __name = "Process",
  __tostring = function(self) return "Process: " .. self.name end,
  __mm_wait = function(self)
    started(self, "wait")
    return true
  end,
}

local function new_process(...)
  local options = private.read_process_arguments(...)
  return setmetatable({
    _target = options.target,
    _args = options.args,
    name = options.name or private.next_process_name(),
    daemon = options.daemon and true or false,
  }, process_meta)
end

return { Process = new_process }
