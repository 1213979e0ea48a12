-- SPDX-License-Identifier: MIT
-- Calls in pools of other worlds, awaited by the calling task or thread.
--
-- mm.async.to_thread and to_process: the rows of core/worlds.lua say which world has which name (`offload`).
--
-- mm.release: C functions that run without the VM's lock. A C function works on the state of its VM, which only the
-- holder of the lock may touch. So it is called in another VM, on a thread of its own; arguments and results are copied
-- there and back. Each such VM is a pool of one worker; a call takes an idle one, or makes one, so that as many calls
-- run at once as there are callers.
--
-- The pools end with the program.
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")
local schedulers = require("async.schedulers")
local pool = require("pool.pool")

local offload = { tasks = {} }

local function is_usable(made) return made._config.pid == native.pid() and not made._dispatcher.has_ended(made) end

-- Waits for the future; if the calling task is cancelled meanwhile, cancel() ends its call.
local function await(future, cancel)
  schedulers.while_answering_for(cancel, function() return future:wait() end)
end

-- Tasks -----------------------------------------------------------------------------------------------

-- A pool of each world, made when it is first needed.
local pools = {}
local function pool_of(world)
  local found = pools[world]
  if not found or not is_usable(found) then
    found = pool.class(world)({ workers = math.max(4, native.cpu_count()), name = "offload" })
    pools[world] = found
  end
  return found
end

-- f(…) in a worker of the world: its results, awaited.
local function call_in(world, where)
  return function(f, ...)
    checks.expect(checks.is_callable(f), where, "argument 1: a function expected, got " .. type(f))
    local future = pool_of(world):submit(f, ...)
    await(future, function() future:cancel() end)
    return future:get()
  end
end

for _, world in ipairs(worlds.names) do
  local name = worlds.get(world).offload
  if name then offload.tasks[name] = call_in(world, name) end
end

-- Released functions ----------------------------------------------------------------------------------

local idle = {} -- pools without a call

local function take()
  while #idle > 0 do
    local found = table.remove(idle)
    if is_usable(found) then return found end
  end
  return pool.class(worlds.of_own_vms(false))({ workers = 1, name = "released" })
end

-- The results of f(…), called in a VM of its own.
function offload.call_released(f, ...)
  local taken = take()
  local future = taken:submit(f, ...)
  local function give_back() idle[#idle + 1] = taken end
  await(future, function()
    future:cancel()
    give_back()
  end)
  give_back()
  return future:get()
end

-- release(f, call) → a function that calls f by call, the public name of call_released. f is a C function of a
-- module, whose arguments and results can be sent.
function offload.release(f, call)
  local is_c = type(f) == "function" and debug.getinfo(f, "S").what == "C"
  local what = type(f) == "function" and "one in Lua" or type(f)
  checks.expect(is_c, "release", "argument 1: a C function expected, got " .. what)
  local can_go, why = pcall(native.dumps, f)
  checks.expect(can_go, "release", "argument 1: " .. checks.bare(why))
  return function(...) return call(f, ...) end
end

return offload
