-- SPDX-License-Identifier: MIT
-- The tasks of a pool of this machine, from put to their end, and the functions that the backend
-- keeps for them. pool/results.lua and pool/workers.lua end them; the protocol is in the head of
-- pool/backend.lua.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local awaited = require("pool.awaited")
local protocol = require("pool.protocol")
local travelling = require("pool.forks.travelling")

local unpack = checks.unpack

local CALL, TIMED, RETURNS, EACH = protocol.CALL, protocol.TIMED, protocol.RETURNS, protocol.EACH

local tasks = { USUAL_PRIORITY = 5 }

---The tasks of a pool, and their callbacks.
---@class PoolQueue
---@field open table<number, PoolTask> by id
---@field by_number table<number, PoolTask> by the number in the backend, which a worker's claim names
---@field pending integer how many are open
---@field timed integer how many of those have a timeout
---@field each integer how many of those are done item by item
---@field shortest number seconds: no open task has a shorter timeout
---@field timeout number? the last one given to the backend (set_timeout)
---@field priority integer likewise (set_priority)
---@field last_id integer the id that was given last
---@field last_call integer in a pool with a seed the number of the last call
---@field kept_function function? the last pure function, which stays encoded
---@field kept_entry PoolEntry? where it is kept
---@field idle_since number when the last task ended, in a pool with the option idle
---@field is_closed boolean no more tasks are taken
---@field has_ended boolean no task is open any more, and none can be
---@field failure table? the error by which the pool broke, and that its methods raise
---@field callbacks table[] { f, argument }: to be called between two steps of the pool
---@field is_calling_back boolean
---@field waiters integer how many threads pump
---@field pumper table? the token of the task that pumps (pool/pumps.lua)
---@field lines table<table, true> futures for which tasks stand in line
---@field deferred table<table, true> futures of calls that wait for others among their arguments (pool/awaited.lua)

---@return PoolQueue
function tasks.new_queue()
  return {
    open = {}, by_number = {}, pending = 0, timed = 0, each = 0, shortest = 0, last_id = 0, last_call = 0,
    priority = tasks.USUAL_PRIORITY, is_closed = false, has_ended = false, callbacks = {}, is_calling_back = false,
    waiters = 0, lines = {}, deferred = {}, idle_since = native.time(),
  }
end

-- Functions: encoded once, kept until the last task that needs them is done ---------------------------

function tasks.drop_function(pool, entry)
  entry.users = entry.users - 1
  if entry.users == 0 then pool._backend:drop(entry.place) end
end

local drop_function = tasks.drop_function

-- The last pure function stays encoded, for the next call of it; the queue counts as one of its
-- users.
function tasks.keep_function(pool, f, entry)
  local queue = pool._queue
  local old = queue.kept_entry
  queue.kept_function, queue.kept_entry = f, entry
  if entry then entry.users = entry.users + 1 end
  if old then drop_function(pool, old) end
end

-- Calls f, which encodes for the pool's workers.
local function encode(pool, f, ...)
  local known = pool._config.forks
  if not known then return f(...) end
  return travelling.send(known.id, f, ...)
end

function tasks.add_function(pool, f)
  local queue = pool._queue
  if f == queue.kept_function and pool._backend:is_current(queue.kept_entry.uses) then
    queue.kept_entry.users = queue.kept_entry.users + 1
    return queue.kept_entry
  end
  local number, place, uses = encode(pool, pool._backend.add_function, pool._backend, f)
  if not number then checks.fail("Pool: the function cannot be sent: " .. place) end
  local entry = { number = number, place = place, uses = uses, users = 1 }
  if type(f) == "function" and checks.is_pure(f) then tasks.keep_function(pool, f, entry) end
  return entry
end

-- The end of a task -----------------------------------------------------------------------------------

local function forget_number(queue, task)
  if task.number then queue.by_number[task.number] = nil end
  task.number = nil
end

-- Frees what the backend keeps for it.
local function release_task(pool, task)
  drop_function(pool, task.entry)
  if task.call_state then pool._backend:return_call_state(task.call_state) end
  if task.stored then pool._backend:drop(task.stored) end
end

function tasks.end_task(pool, task)
  local queue = pool._queue
  queue.open[task.id] = nil
  forget_number(queue, task)
  queue.pending = queue.pending - 1
  if queue.pending == 0 and pool._config.idle then queue.idle_since = native.time() end
  if task.timeout then queue.timed = queue.timed - 1 end
  if task.is_each then queue.each = queue.each - 1 end
  release_task(pool, task)
  task.sink:finished(task)
end

local end_task = tasks.end_task

-- The item has failed, unless it was answered before.
function tasks.fail_item(task, index, err)
  if index <= task.answered or (task.settled and task.settled[index]) then return end
  task.settled = task.settled or {}
  task.settled[index] = true
  task.sink:fail(task, index, err)
end

local fail_item = tasks.fail_item

function tasks.fail_open_items(task, make_error)
  for index = task.answered + 1, task.count do fail_item(task, index, make_error()) end
end

local fail_open_items = tasks.fail_open_items

local function has_open_items(task, from)
  if not task.settled then return from <= task.count end
  for index = from, task.count do
    if not task.settled[index] then return true end
  end
  return false
end

-- Calls that wait for futures among their arguments (pool/awaited.lua) fail.
function tasks.fail_deferred(pool, make_error)
  local deferred = pool._queue.deferred
  local future = next(deferred)
  while future do
    awaited.fail(future, make_error())
    future = next(deferred)
  end
end

-- Whether no call is under way, or waits for its arguments.
function tasks.are_all_done(queue) return queue.pending == 0 and next(queue.deferred) == nil end

-- All open tasks fail. Returns them, for release_all: workers may still use what is kept for them.
function tasks.fail_all(pool, make_error)
  local queue = pool._queue
  local open = queue.open
  queue.open, queue.by_number, queue.pending, queue.timed, queue.each = {}, {}, 0, 0, 0
  for _, task in pairs(open) do
    fail_open_items(task, make_error)
    task.sink:finished(task)
  end
  tasks.fail_deferred(pool, make_error)
  return open
end

function tasks.release_all(pool, open)
  for _, task in pairs(open) do release_task(pool, task) end
end

-- Putting ---------------------------------------------------------------------------------------------

local function put_here(pool, task)
  local backend, queue, entry = pool._backend, pool._queue, task.entry
  if task.timeout ~= queue.timeout then
    queue.timeout = task.timeout
    backend:set_timeout(task.timeout)
  end
  local priority = task.priority or tasks.USUAL_PRIORITY
  if priority ~= queue.priority then
    queue.priority = priority
    backend:set_priority(priority)
  end
  if pool._config.seed then backend:set_base(task.base) end
  if task.stored then
    return backend:put_stored(task.mode, task.flags, task.id, entry.number, entry.place, task.call_state, task.stored,
      task.skip)
  elseif task.mode == CALL then
    local args = task.args
    return backend:put(CALL, task.flags, task.id, entry.number, entry.place, task.call_state, unpack(args, 1, args.n))
  end
  return backend:put_slice(task.mode, task.flags, task.id, entry.number, entry.place, task.call_state, task.list,
    task.first, task.first + task.count - 1)
end

local function put(pool, task) return encode(pool, put_here, pool, task) end

-- Keeps the arguments in the backend, so that the task can be put again. A slice can be put again
-- without that: the parent has its items.
local function store(pool, task)
  local place, why
  local backend = pool._backend
  if task.mode == CALL then
    place, why = encode(pool, backend.store, backend, unpack(task.args, 1, task.args.n))
  else
    place, why = encode(pool, backend.store_slice, backend, task.list, task.first, task.first + task.count - 1)
  end
  if not place then checks.fail("Pool: the task cannot be sent: " .. why) end
  task.stored = place
end

local function note_number(queue, task, number)
  task.number = number
  queue.by_number[number] = task
end

local function send(pool, task, is_cancellable, is_stored)
  if is_cancellable then
    local call_state, why = pool._backend:call_state()
    if not call_state then checks.fail("Pool: " .. why) end
    task.call_state = call_state
  end
  if is_stored then store(pool, task) end
  local number, why = put(pool, task)
  if not number then checks.fail("Pool: the task cannot be sent: " .. why) end
  return number
end

-- task: mode, entry (one user of it is the task's), sink; args, or list, first, count; timeout,
-- retries, returns. What cannot be sent is an error, and then there is no task.
function tasks.put(pool, task, is_cancellable, is_stored)
  local queue = pool._queue
  if queue.has_ended then
    drop_function(pool, task.entry)
    errors.raise(queue.failure or errors.of_kind("cancelled", "the pool was terminated"))
  end
  local id = queue.last_id + 1
  queue.last_id = id
  task.id, task.answered, task.skip = id, 0, 0
  local is_timed = task.timeout or task.is_answered_at_once
  task.flags = (is_timed and TIMED or 0) + (task.returns and RETURNS or 0) + (task.is_each and EACH or 0)
  queue.open[id] = task
  local sent, number = pcall(send, pool, task, is_cancellable, is_stored)
  if not sent then
    queue.open[id] = nil
    release_task(pool, task)
    if type(number) == "string" and checks.bare(number):find("^cannot send") then
      checks.fail("Pool: the task cannot be sent: " .. checks.bare(number))
    end
    error(number, 0)
  end
  note_number(queue, task, number)
  queue.pending = queue.pending + 1
  if task.is_each then queue.each = queue.each + 1 end
  if task.timeout then
    queue.shortest = queue.timed > 0 and math.min(queue.shortest, task.timeout) or task.timeout
    queue.timed = queue.timed + 1
  end
  return task
end

-- Numbers the items from skip + 1 on anew, beginning with 1.
local function drop_first_items(task, skip)
  task.first, task.count, task.base = task.first + skip, task.count - skip, task.base + skip
  local settled = {}
  for index in pairs(task.settled or {}) do
    if index > skip then settled[index - skip] = true end
  end
  task.settled = next(settled) and settled or nil
  task.answered = 0
end

-- The items from skip + 1 on are to run, again or for the first time.
function tasks.put_again(pool, task, skip)
  if not has_open_items(task, skip + 1) then return end_task(pool, task) end
  if task.call_state then pool._backend:requeue(task.call_state) end
  forget_number(pool._queue, task)
  if task.stored then task.skip = skip else drop_first_items(task, skip) end
  local sent, number, why = pcall(put, pool, task)
  if sent and number then return note_number(pool._queue, task, number) end
  local text = "the task cannot be sent again: " .. tostring(why or number)
  fail_open_items(task, function() return errors.of_kind("died", text) end)
  end_task(pool, task)
end

local put_again = tasks.put_again

-- A worker that still runs the task under its old id cannot answer it any more.
function tasks.rename(pool, task)
  local queue = pool._queue
  queue.open[task.id] = nil
  queue.last_id = queue.last_id + 1
  task.id = queue.last_id
  queue.open[task.id] = task
end

-- The death of a worker -------------------------------------------------------------------------------

-- death: how the worker `name` died: code, and refusal, the system call by which its sandbox ended it
local function died_error(name, death, what) return errors.died_error(name, death.code, what, death.refusal) end

local function fail_unsent(task, item, name, death)
  for index = task.answered + 1, item - 1 do
    fail_item(task, index, died_error(name, death, "before the result of this call was sent"))
  end
end

-- Results that a dead worker had noted in its status, and not sent: those of the items from `first`
-- on.
function tasks.recover(task, first, ...)
  local count = select("#", ...)
  if not first or first + count - 1 <= task.answered then return end
  local results, from = { ... }, task.answered + 1
  if first < from then results = { unpack(results, from - first + 1, count) } end
  count = first + count - from
  task.sink:take(task, from, count, 0, results, nil)
  task.answered = from + count - 1
end

-- No item of it had begun: another worker runs it, but only once more.
local function reassign_unbegun(pool, task, name, death)
  local may_run = task.list or task.stored
  if may_run and not task.was_reassigned then
    task.was_reassigned = true
    return put_again(pool, task, math.max(task.answered, task.skip))
  end
  fail_open_items(task, function() return died_error(name, death, "before it ran this call") end)
  return end_task(pool, task)
end

-- The task's worker died while `item` of it ran (0: none had begun).
function tasks.reassign(pool, task, item, name, code, refusal)
  local death = { code = code, refusal = refusal }
  if item == 0 then return reassign_unbegun(pool, task, name, death) end
  if (task.retries or 0) > 0 and has_open_items(task, task.answered + 1) then
    task.retries = task.retries - 1
    if task.flags % (2 * TIMED) < TIMED then task.flags = task.flags + TIMED end -- each item is answered at once now
    return put_again(pool, task, task.answered)
  end
  item = math.min(item, task.count) -- the task may have been shortened (workers.lua, split)
  fail_unsent(task, item, name, death)
  fail_item(task, item, died_error(name, death, "while it ran this call"))
  put_again(pool, task, math.max(item, task.answered))
end

return tasks
