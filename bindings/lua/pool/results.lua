-- SPDX-License-Identifier: MIT
-- Answers from the backend: each goes to the sink of its task.
local require = ...

local checks = require("core.checks")
local errors = require("core.errors")
local ending = require("pool.ending")
local foreign = require("pool.foreign")
local protocol = require("pool.protocol")
local tasks = require("pool.tasks")

local pack, new_error, of_kind = checks.pack, errors.new_error, errors.of_kind
local end_task, fail_item = tasks.end_task, tasks.fail_item

local CALL, OK, FAILED, INITIALIZER_FAILED = protocol.CALL, protocol.OK, protocol.FAILED, protocol.INITIALIZER_FAILED
local PART, RETURNED, SKIPPED, UNDECODABLE = protocol.PART, protocol.RETURNED, protocol.SKIPPED, protocol.UNDECODABLE

local results = {}

local function take_call(pool, task, outcome, ...)
  if not (task.settled and task.settled[1]) then
    task.answered = 1
    if outcome == UNDECODABLE then
      local err = of_kind("unsendable", tostring((...)))
      task.sink:take_call(task, false, pack(err))
    elseif outcome == FAILED then
      task.sink:take_call(task, false, pack(new_error((...), pool._config.name)))
    else
      task.sink:take_call(task, true, pack(...))
    end
  end
  end_task(pool, task)
end

-- Fails the items of an answer that cannot be decoded. Nothing says whether it was the last one but
-- its count.
local function fail_undecodable(task, first, count, why)
  for index = first, first + count - 1 do
    fail_item(task, index, of_kind("unsendable", tostring(why)))
  end
  task.answered = first + count - 1
  return task.answered == task.count and OK or PART
end

-- The rest of the slice did not run: the list may cut it anew, or it is put again as it is.
local function take_rest(pool, task)
  if task.sink.takes_back and not task.settled then
    task.sink:give_back(task, task.answered)
    return end_task(pool, task)
  end
  tasks.put_again(pool, task, math.max(task.answered, task.skip))
end

local function take_part(pool, task, outcome, first, count, ns, values, failures)
  if outcome == UNDECODABLE then
    outcome = fail_undecodable(task, first, count, values)
  elseif outcome == FAILED then
    tasks.fail_open_items(task, function() return new_error(values, pool._config.name) end)
    return end_task(pool, task)
  elseif count > 0 then
    task.sink:take(task, first, count, ns, values, failures)
    task.answered = first + count - 1
  end
  if outcome == OK then return end_task(pool, task) end
  if outcome == RETURNED then take_rest(pool, task) end
end

-- A worker's initializer has run.
local function take_initializer(pool, outcome, ...)
  if outcome == INITIALIZER_FAILED then
    ending.break_pool(pool, new_error((...), pool._config.name))
  else
    pool._workers.ready = pool._workers.ready + 1
  end
end

local function take_answer(pool, task, outcome, first, count, ns, ...)
  if not task then return take_initializer(pool, outcome, ...) end
  pool._workers.deaths = 0
  if outcome == SKIPPED then
    end_task(pool, task)
  elseif task.mode == CALL then
    take_call(pool, task, outcome, ...)
  else
    take_part(pool, task, outcome, first, count, ns, ...)
  end
end

-- Takes what the backend's take returned: one answer.
function results.take(pool, id, ...)
  local task = pool._queue.open[id]
  if not task and id ~= 0 then return end
  if pool._config.sandbox then return take_answer(pool, task, foreign.answer(task, ...)) end
  return take_answer(pool, task, ...)
end

local take = results.take

-- Takes the answers that are there, and waits for none.
function results.take_ready(pool)
  local queue, backend, workers = pool._queue, pool._backend, pool._workers
  local function step(id, ...)
    if not id then return false end
    take(pool, id, ...)
    return not queue.has_ended
  end
  while step(backend:take(workers.handles, 0)) do end
end

return results
