-- SPDX-License-Identifier: MIT
-- broadcast and warm: one call in each worker. A worker that has its call waits until all have theirs, so that none
-- gets two.
local require = ...

local checks = require("core.checks")
local errors = require("core.errors")
local future = require("pool.future")

local find_module = _G.require
local pack = checks.pack

-- The call of a worker: arrives, waits until all have arrived, and calls f.
local function arriver(f, arrived, go)
  return function(...)
    arrived:put(true)
    go:wait()
    return f(...)
  end
end

local function cancel_all(futures)
  for _, each in ipairs(futures) do each:cancel() end
end

-- One that has ended has failed: the others wait for the word.
local function check_none_has_ended(futures)
  for _, each in ipairs(futures) do
    if each:ready() then each:get() end
  end
end

local function await_all(world, futures, arrived, count)
  local here = 0
  local things = { arrived }
  for i, each in ipairs(futures) do things[i + 1] = each end
  while here < count do
    world.wait(things)
    while arrived:get(0) do here = here + 1 end
    if here < count then check_none_has_ended(futures) end
  end
end

-- All are asked, so that a second failure is no surprise later; the first one is raised.
local function results_of(futures)
  local results, failure = { n = #futures }, nil
  for i, each in ipairs(futures) do
    local ok, result = pcall(each.get, each)
    if not ok then failure = failure or result end
    results[i] = result
  end
  if failure then errors.raise(failure) end
  return results
end

-- The first result of f in each worker, in no order.
return function(pool, world_name, f, ...)
  local count = pool._dispatcher.size(pool)
  if pool._config.row.is_immediate then
    return { n = 1, (future.call(pool, "broadcast", f, { place = 1 }, pack(...))) }
  end
  local world = find_module("manymoons").world(world_name)
  local arrived, go, futures = world.Queue(), world.Event(), {}
  local call, args = arriver(f, arrived, go), pack(...)
  for i = 1, count do futures[i] = future.submit(pool, "broadcast", call, { place = i }, args) end
  local ok, why = pcall(await_all, world, futures, arrived, count)
  go:set()
  if not ok then
    cancel_all(futures)
    errors.raise(why)
  end
  return results_of(futures)
end
