-- SPDX-License-Identifier: MIT
-- The end of what a call began that Ctrl-C has ended: its tasks in pools, its processes, and its tasks of the world
-- `async`. What was there before the call goes on.
--
-- The error of Ctrl-C unwinds the call without running code of this library, which therefore looks afterwards at what
-- is there now, and was not at the begin of the call. For the prompt alone: other programs end with Ctrl-C.
local require, native = ...

local waits = require("core.waits")
local open_pools = require("pool.open_pools")
local pumps = require("pool.pumps")
local children = require("worker.children")

local SECONDS, EVERY = 3, 0.01 -- how long it takes at most, and between two looks

local interruption = {}

local weak = { __mode = "k" }
local before = { tasks = setmetatable({}, weak), children = setmetatable({}, weak), async = setmetatable({}, weak) }

-- A task of a list can be withdrawn from now on before it has begun.
function interruption.enable() open_pools.are_interruptible = true end

-- Of a pool on a broker `_tasks`.
local function open_tasks(pool) return pool._tasks or pool._queue.open end

local function copy_to(set, list)
  for _, thing in ipairs(list) do set[thing] = true end
end

-- A call begins.
function interruption.begin()
  for name in pairs(before) do before[name] = setmetatable({}, weak) end
  for _, pool in ipairs(open_pools.all_here()) do
    for _, task in pairs(open_tasks(pool)) do before.tasks[task] = true end
  end
  copy_to(before.children, children.all())
  if waits.tasks then copy_to(before.async, waits.tasks.all_alive()) end
end

-- The new tasks of a pool that are still open.
local function new_tasks(pool)
  local list = {}
  for _, task in pairs(open_tasks(pool)) do
    if not before.tasks[task] then list[#list + 1] = task end
  end
  return list
end

-- Whether something of it is left.
local function cancel_in(pool)
  local list = new_tasks(pool)
  for _, task in ipairs(list) do
    if task.sink.abandon then task.sink:abandon() end
  end
  if #list > 0 then pool._dispatcher.cancel(pool, { tasks = list }) end
  pool._dispatcher.maintain(pool)
  local is_stopping = pool._workers and next(pool._workers.stopping) ~= nil
  return is_stopping or not pool._tasks and #new_tasks(pool) > 0
end

local function cancel_all()
  local is_left = false
  for _, pool in ipairs(open_pools.all_here()) do
    if not pool._dispatcher.has_ended(pool) then
      if not pool._tasks then pool._dispatcher.take_ready(pool) end
      is_left = cancel_in(pool) or is_left
    end
  end
  return is_left
end

local function stop_async()
  waits.tasks.recover()
  for _, task in ipairs(waits.tasks.all_alive()) do
    if not before.async[task] and not task.is_worker then waits.tasks.stop(task) end
  end
end

-- The call was ended. Returns when nothing of it runs any more, or after some seconds.
function interruption.end_new()
  local due = native.time() + SECONDS
  if waits.tasks then stop_async() end
  for _, pool in ipairs(open_pools.all_here()) do pumps.recover(pool._queue) end
  while cancel_all() and native.time() < due do waits.sleep(EVERY) end
  children.end_others(before.children)
end

return interruption
