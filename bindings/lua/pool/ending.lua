-- SPDX-License-Identifier: MIT
-- The end of a pool of this machine, however it comes. Nothing of the pool runs afterwards.
local require = ...

local errors = require("core.errors")
local open_pools = require("pool.open_pools")
local tasks = require("pool.tasks")
local log = require("worker.log")

local ending = {}

local ANY_TASK = 2 ^ 53 -- no task has this number

-- The workers, which are the pool's no longer.
local function take_workers(pool)
  local workers = pool._workers
  local handles = workers.handles
  for _, name in ipairs(workers.names) do log.say("info", "%s ends with its pool", name) end
  workers.handles, workers.names, workers.vacancies, workers.stopping = {}, {}, {}, {}
  return handles
end

local function mark_ended(pool)
  local queue = pool._queue
  queue.has_ended, queue.is_closed = true, true
  open_pools.forget(pool)
end

-- A pool may be ended by a worker of its own, whose thread cannot wait for itself. It ends when all else is done. The
-- others clean up, and are killed if that takes long (worker/worker.c).
local function stop_others(pool, handles)
  local others, own = {}, nil
  for _, worker in ipairs(handles) do
    if worker:is_caller() then own = worker else others[#others + 1] = worker end
  end
  for _, worker in ipairs(others) do
    pool._backend:request_stop(worker, ANY_TASK)
    worker:interrupt()
  end
  for _, worker in ipairs(others) do worker:close() end
  return own
end

-- Open tasks fail with new_error() before anything waits, so that other threads that wait for them see their end.
-- Returns the worker that it runs on, if it is one of the pool, for ending.leave.
function ending.end_pool(pool, new_error)
  mark_ended(pool)
  local failed = tasks.fail_all(pool, new_error)
  local own = stop_others(pool, take_workers(pool))
  pool._backend:end_forks(new_error)
  tasks.release_all(pool, failed)
  tasks.keep_function(pool, nil, nil)
  return own
end

function ending.leave(own)
  if own then own:abandon() end
end

-- For a finalizer, which may run on any thread, also on one of the workers: their handles see to the rest. Nobody waits
-- for open tasks, because a caller that did would keep the pool.
function ending.abandon(pool)
  mark_ended(pool)
  pool._backend:drain()
  for _, worker in ipairs(take_workers(pool)) do worker:abandon() end
  pool._backend:defer_drops()
  tasks.release_all(pool, pool._queue.open)
  tasks.keep_function(pool, nil, nil)
end

-- The pool cannot go on: open tasks fail with err, and so does each later use.
function ending.break_pool(pool, err)
  pool._queue.failure = err
  ending.leave(ending.end_pool(pool, function() return err end))
end

function ending.cancelled() return errors.of_kind("cancelled", "the pool was terminated") end

-- Returns what end_pool does.
function ending.terminate(pool)
  pool._backend:drain()
  return ending.end_pool(pool, ending.cancelled)
end

return ending
