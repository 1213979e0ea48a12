-- SPDX-License-Identifier: MIT
-- The end of a pool of this machine, however it comes. Nothing of the pool runs afterwards.
local require = ...

local errors = require("core.errors")
local open_pools = require("pool.open_pools")
local tasks = require("pool.tasks")

local ending = {}

local function stop_workers(workers)
  for _, worker in ipairs(workers.handles) do worker:kill() end
  for _, worker in ipairs(workers.handles) do worker:close() end
  workers.handles, workers.names, workers.vacancies, workers.stopping = {}, {}, {}, {}
end

-- Tasks that are open stay so: the caller ends them.
function ending.end_pool(pool)
  local queue = pool._queue
  queue.has_ended, queue.is_closed = true, true
  open_pools.forget(pool)
  stop_workers(pool._workers)
  tasks.keep_function(pool, nil, nil)
end

-- The pool cannot go on: open tasks fail with err, and so does each later use.
function ending.break_pool(pool, err)
  pool._queue.failure = err
  ending.end_pool(pool)
  tasks.fail_all(pool, function() return err end)
end

function ending.terminate(pool)
  pool._backend:drain()
  ending.end_pool(pool)
  tasks.fail_all(pool, function()
    return errors.of_kind("cancelled", "the pool was terminated")
  end)
end

return ending
