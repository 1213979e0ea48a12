-- SPDX-License-Identifier: MIT
-- mm.async.to_thread and to_process: a call in a pool of another world, awaited by the calling
-- task. The rows of core/worlds.lua say which world has which name (`offload`).
local require, native = ...

local checks = require("core.checks")
local worlds = require("core.worlds")
local schedulers = require("async.init")
local pool = require("pool.pool")

local offload = {}

-- A pool of each world, made when it is first needed; it ends with the program.
local pools = {}
local function pool_of(world)
  local found = pools[world]
  if not found or found._dispatcher.has_ended(found) or found._config.pid ~= native.pid() then
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
    schedulers.while_answering_for(function() future:cancel() end, function() return future:wait() end)
    return future:get()
  end
end

for _, world in ipairs(worlds.names) do
  local name = worlds.get(world).offload
  if name then offload[name] = call_in(world, name) end
end

return offload
