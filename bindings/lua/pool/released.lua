-- SPDX-License-Identifier: MIT
-- mm.release: C functions that run without the VM's lock.
--
-- A C function works on the state of its VM, which only the holder of the lock may touch. So the function is called in
-- another VM, on a thread of its own, while the caller waits as for any worker: arguments and results are copied there
-- and back. The VMs are pools of one worker each; a call takes an idle one, or makes one, so that as many calls run at
-- once as there are callers. They end with the program.
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")
local schedulers = require("async.schedulers")
local pool = require("pool.pool")

local WORLD = worlds.of_own_vms(false)

local released = {}

local idle = {} -- pools without a call, the last one used last
local owner = native.pid()

local function take()
  if owner ~= native.pid() then idle, owner = {}, native.pid() end
  while #idle > 0 do
    local found = table.remove(idle)
    if not found._dispatcher.has_ended(found) then return found end
  end
  return pool.class(WORLD)({ workers = 1, name = "released" })
end

-- The results of f(…), called in a VM of its own.
function released.call(f, ...)
  local taken = take()
  local future = taken:submit(f, ...)
  schedulers.while_answering_for(function() future:cancel() end, function() return future:wait() end)
  idle[#idle + 1] = taken
  return future:get()
end

-- release(f, call) → a function that calls f by call, the public name of released.call. f is a C function of a module,
-- whose arguments and results can be sent.
function released.release(f, call)
  local is_c = type(f) == "function" and debug.getinfo(f, "S").what == "C"
  checks.expect(is_c, "release", "argument 1: a C function expected, got " .. (type(f) == "function" and "one in Lua"
    or type(f)))
  local can_go, why = pcall(native.dumps, f)
  checks.expect(can_go, "release", "argument 1: " .. checks.bare(why))
  return function(...) return call(f, ...) end
end

return released
