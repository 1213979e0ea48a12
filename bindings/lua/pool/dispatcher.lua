-- SPDX-License-Identifier: MIT
-- The dispatch of every pool of this machine: which worker has which task, and what becomes of both. Policy only; how
-- tasks and results travel is the business of a core: bindings/pool_core.c, pool/vm_backend.lua or
-- pool/serial_backend.lua. The dispatcher of a pool on many machines is broker/client.lua.
--
-- Whoever waits for a result pumps: takes results as they come, hands each to its task, and looks after workers that
-- died, are late, or are to be stopped. The workers take their tasks by themselves, so they stay busy meanwhile.
--
--   task    one message to the workers: a call, or a slice of a list. Its items are numbered from 1. It has a `sink`,
--           to which each of its items goes exactly once: by sink:take or sink:take_call, or by sink:fail
--   number  task.id names a task in messages; its place in the ring of tasks, its number, is what a claim names
--
-- A worker that dies fails the item that ran, and those whose results had not been sent, or they run again; what it had
-- not begun runs elsewhere. An item that ran too long, or was cancelled, fails at once; its worker is asked to end, and
-- is made to.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")
local pumps = require("pool.pumps")

local unpack, pack = checks.unpack, checks.pack
local new_error = errors.new_error

local dispatch = {}

local CALL = 0
local OK, FAILED, INITIALIZER_FAILED, PART, RETURNED, SKIPPED = 0, 1, 2, 3, 4, 5
local TIMED, RETURNS, EACH = 1, 2, 4
-- So many workers in a row may die before they ran anything; from the third on they are replaced after growing pauses.
local DEATHS_IN_A_ROW, DEATHS_AT_ONCE, FIRST_PAUSE, LONGEST_PAUSE = 10, 2, 0.01, 1
-- Seconds between two looks at workers that have lists of which the rest could go elsewhere.
local SPLIT_EVERY = 0.001
-- Seconds between asking a worker to end: asking again, killing its process, going on without its thread.
local ASK_AGAIN, KILL_AFTER, ABANDON_AFTER = 0.002, 0.05, 1

local pools = setmetatable({}, { __mode = "k" })

function dispatch.call_back_now(f, ...)
  local ok, err = errors.call_here(identity.current().name, f, ...)
  if not ok then diagnostics.report("a callback raised: " .. tostring(err)) end
end

-- Callbacks run when the pool is in order again, one after the other, also those that a callback brings about.
-- A callback may wait for a future whose waiters stand in line: the pumping task hands over first.
function dispatch.run_callbacks(pool)
  if pool._pumper and #pool._callbacks > 0 then pumps.pass_on(pool) end
  if pool._is_calling_back then return end
  pool._is_calling_back = true
  while #pool._callbacks > 0 do
    local call = table.remove(pool._callbacks, 1)
    dispatch.call_back_now(call.f, call.argument)
  end
  pool._is_calling_back = false
end

function dispatch.call_back(pool, f, argument) table.insert(pool._callbacks, { f = f, argument = argument }) end

-- Functions: encoded once, kept until the last task that needs them is done ---------------------------

-- Whether sending it anew each time could make a difference: only _ENV among its upvalues.
local function is_pure(f)
  if type(f) ~= "function" then return false end
  local name = debug.getupvalue(f, 1)
  return name == nil or (name == "_ENV" and debug.getupvalue(f, 2) == nil)
end

function dispatch.drop_function(pool, entry)
  entry.users = entry.users - 1
  if entry.users == 0 then pool._core:drop(entry.place) end
end

-- The last pure function stays encoded, for the next call of it; the pool counts as one of its users.
local function keep_function(pool, f, entry)
  local old = pool._kept_entry
  pool._kept_function, pool._kept_entry = f, entry
  if entry then entry.users = entry.users + 1 end
  if old then dispatch.drop_function(pool, old) end
end

function dispatch.add_function(pool, f)
  if f == pool._kept_function then
    pool._kept_entry.users = pool._kept_entry.users + 1
    return pool._kept_entry
  end
  local number, place = pool._core:add_function(f)
  if not number then error("Pool: the function cannot be sent: " .. place, 0) end
  local entry = { number = number, place = place, users = 1 }
  if is_pure(f) then keep_function(pool, f, entry) end
  return entry
end

-- Tasks -----------------------------------------------------------------------------------------------

local function forget_number(pool, task)
  if task.number then pool._numbers[task.number] = nil end
  task.number = nil
end

-- What it keeps in the core.
local function release_task(pool, task)
  dispatch.drop_function(pool, task.entry)
  if task.ticket then pool._core:return_ticket(task.ticket) end
  if task.stored then pool._core:drop(task.stored) end
end

local function end_task(pool, task)
  pool._tasks[task.id] = nil
  forget_number(pool, task)
  pool._pending = pool._pending - 1
  if task.timeout then pool._timed = pool._timed - 1 end
  if task.is_each then pool._each = pool._each - 1 end
  release_task(pool, task)
  task.sink:finished(task)
end

-- The item has failed, unless something had become of it before.
local function fail_item(task, index, err)
  if index <= task.answered or (task.settled and task.settled[index]) then return end
  task.settled = task.settled or {}
  task.settled[index] = true
  task.sink:fail(task, index, err)
end

local function fail_open_items(task, make_error)
  for index = task.answered + 1, task.count do fail_item(task, index, make_error()) end
end

local function has_open_items(task, from)
  if not task.settled then return from <= task.count end
  for index = from, task.count do
    if not task.settled[index] then return true end
  end
  return false
end

local function put(pool, task)
  local core, entry = pool._core, task.entry
  if core.set_limit then core:set_limit(task.timeout) end
  if task.stored then
    return core:put_stored(task.mode, task.flags, task.id, entry.number, entry.place, task.ticket, task.stored,
      task.skip)
  elseif task.mode == CALL then
    local args = task.args
    return core:put(CALL, task.flags, task.id, entry.number, entry.place, task.ticket, unpack(args, 1, args.n))
  end
  return core:put_slice(task.mode, task.flags, task.id, entry.number, entry.place, task.ticket, task.list, task.first,
    task.first + task.count - 1)
end

-- Without a block of its own a task cannot be put again, but for a list's, whose items the parent has.
local function store(pool, task)
  local place, why
  if task.mode == CALL then
    place, why = pool._core:store(unpack(task.args, 1, task.args.n))
  else
    place, why = pool._core:store_slice(task.list, task.first, task.first + task.count - 1)
  end
  if not place then error("Pool: the task cannot be sent: " .. why, 0) end
  task.stored = place
end

local function note_number(pool, task, number)
  task.number = number
  pool._numbers[number] = task
end

local function send(pool, task, is_cancellable, is_stored)
  if is_cancellable then
    local ticket, why = pool._core:ticket()
    if not ticket then error("Pool: " .. why, 0) end
    task.ticket = ticket
  end
  if is_stored then store(pool, task) end
  local number, why = put(pool, task)
  if not number then error("Pool: the task cannot be sent: " .. why, 0) end
  return number
end

-- task: mode, entry (one user of it is the task's), sink; args, or list, first, count; timeout, retries, returns.
-- What cannot be sent is an error, and then there is no task.
function dispatch.put(pool, task, is_cancellable, is_stored)
  pool._last_id = pool._last_id + 1
  task.id, task.answered, task.skip = pool._last_id, 0, 0
  task.flags = (task.timeout and TIMED or 0) + (task.returns and RETURNS or 0) + (task.is_each and EACH or 0)
  pool._tasks[task.id] = task
  local sent, number = pcall(send, pool, task, is_cancellable, is_stored)
  if not sent then
    pool._tasks[task.id] = nil
    release_task(pool, task)
    error(number, 0)
  end
  note_number(pool, task, number)
  pool._pending = pool._pending + 1
  if task.is_each then pool._each = pool._each + 1 end
  if task.timeout then
    pool._shortest = pool._timed > 0 and math.min(pool._shortest, task.timeout) or task.timeout
    pool._timed = pool._timed + 1
  end
  return task
end

function dispatch.submit_call(pool, f, opts, args, sink, is_cancellable)
  local retries = opts and opts.retries or pool._retries
  return dispatch.put(pool, {
    mode = CALL, entry = dispatch.add_function(pool, f), sink = sink, args = args, count = 1,
    timeout = opts and opts.timeout or pool._timeout, retries = retries,
  }, is_cancellable, retries > 0)
end

-- Those of its items from skip + 1 on are to run again, or at last.
local function put_again(pool, task, skip)
  if not has_open_items(task, skip + 1) then return end_task(pool, task) end
  if task.ticket then pool._core:requeue(task.ticket) end
  forget_number(pool, task)
  if task.stored then
    task.skip = skip
  else -- its items are numbered anew
    task.first, task.count, task.base = task.first + skip, task.count - skip, task.base + skip
    local settled = {}
    for index in pairs(task.settled or {}) do
      if index > skip then settled[index - skip] = true end
    end
    task.settled = next(settled) and settled or nil
    task.answered = 0
  end
  local sent, number, why = pcall(put, pool, task)
  if sent and number then return note_number(pool, task, number) end
  local text = "the task cannot be sent again: " .. tostring(why or number)
  fail_open_items(task, function() return new_error({ kind = "died", message = text, traceback = "" }) end)
  end_task(pool, task)
end

local function fail_all(pool, make_error)
  local tasks = pool._tasks
  pool._tasks, pool._numbers, pool._pending, pool._timed, pool._each = {}, {}, 0, 0, 0
  for _, task in pairs(tasks) do
    fail_open_items(task, make_error)
    release_task(pool, task)
    task.sink:finished(task)
  end
end

-- Workers ---------------------------------------------------------------------------------------------

function dispatch.next_name(pool)
  pool._started = pool._started + 1
  return pool._name .. "-" .. pool._started
end

local function start_worker(pool, index)
  local name = dispatch.next_name(pool)
  pool._workers[index] = pool._start_worker(pool, name)
  pool._names[index] = name
end

local function measures_of(pool, worker, name)
  local tasks, busy, awake, startup, bytes_in, bytes_out = pool._core:measures(worker)
  return {
    name = name, pid = worker:pid(), tasks = tasks, busy = busy, waiting = math.max(0, awake - busy), startup = startup,
    bytes_in = bytes_in, bytes_out = bytes_out,
  }
end

function dispatch.measures(pool)
  local list = {}
  for index, worker in ipairs(pool._workers) do list[index] = measures_of(pool, worker, pool._names[index]) end
  return list
end

local function stop_workers(pool)
  for _, worker in ipairs(pool._workers) do worker:kill() end
  for _, worker in ipairs(pool._workers) do worker:close() end
  pool._workers, pool._names, pool._vacancies, pool._stopping = {}, {}, {}, {}
end

function dispatch.end_pool(pool)
  pool._ended, pool._closed = true, true
  dispatch.forget(pool)
  stop_workers(pool)
  keep_function(pool, nil, nil)
end

local function break_pool(pool, err)
  pool._broken = err
  dispatch.end_pool(pool)
  fail_all(pool, function() return err end)
end

function dispatch.terminate(pool)
  pool._core:drain()
  dispatch.end_pool(pool)
  fail_all(pool, function()
    return new_error({ kind = "cancelled", message = "the pool was terminated", traceback = "" })
  end)
  dispatch.run_callbacks(pool)
end

local function exit_text(code)
  if code and code < 0 then return "killed by signal " .. -code end
  return "exit code " .. tostring(code)
end

local function died_error(name, code, what)
  return new_error({
    kind = "died",
    message = string.format("worker %s died (%s) %s", name, exit_text(code), what),
    traceback = "",
  }, name, code)
end

local function fail_unsent(task, item, name, code)
  for index = task.answered + 1, item - 1 do
    fail_item(task, index, died_error(name, code, "before the result of this call was sent"))
  end
end

-- Results that a dead worker had noted in its cell, and not sent.
local function recover(task, first, ...)
  local count = select("#", ...)
  if not first or first + count - 1 <= task.answered then return end
  local results, from = { ... }, task.answered + 1
  if first < from then results = { unpack(results, from - first + 1, count) } end
  count = first + count - from
  task.sink:take(task, from, count, 0, results, nil)
  task.answered = from + count - 1
end

-- What is to be done about a task whose worker is gone, while `item` of it ran (0: none had begun).
local function reassign(pool, task, item, name, code)
  if item == 0 then
    local may_run = task.list or task.stored
    if may_run and not task.was_reassigned then
      task.was_reassigned = true
      return put_again(pool, task, math.max(task.answered, task.skip))
    end
    fail_open_items(task, function() return died_error(name, code, "before it ran this call") end)
    return end_task(pool, task)
  end
  if (task.retries or 0) > 0 and has_open_items(task, task.answered + 1) then
    task.retries = task.retries - 1
    if task.flags % 2 == 0 then task.flags = task.flags + TIMED end -- each of its items is answered at once now
    return put_again(pool, task, task.answered)
  end
  item = math.min(item, task.count) -- a limit may have struck it in time
  fail_unsent(task, item, name, code)
  fail_item(task, item, died_error(name, code, "while it ran this call"))
  put_again(pool, task, math.max(item, task.answered))
end

local take_ready_results

-- The worker's results were all taken, so what it claimed and is still open was in its hands.
local function reap(pool, index)
  local worker, name = pool._workers[index], pool._names[index]
  local code = worker:exitcode()
  if pool._core.rescue then
    pool._core:rescue(worker)
    take_ready_results(pool)
    if pool._ended then return end
  end
  local number, item = pool._core:claim(worker)
  local task = pool._numbers[number]
  if task and task.is_each then recover(task, pool._core:recover(worker, number)) end
  local was_asked = pool._stopping[worker] ~= nil
  pool._stopping[worker] = nil
  worker:close()
  if not was_asked and item == 0 and (task or code ~= 0) then pool._deaths = pool._deaths + 1 end
  if task then reassign(pool, task, item, name, code) end
end

local function take_out(pool, index)
  table.remove(pool._workers, index)
  table.remove(pool._names, index)
end

local function try_to_start(pool, index)
  local started, why = pcall(start_worker, pool, index)
  if started then return end
  break_pool(pool, new_error({
    kind = "died", message = "a worker died and cannot be replaced: " .. tostring(why), traceback = "",
  }))
end

local function replace(pool, index)
  if pool._deaths > DEATHS_IN_A_ROW then
    return break_pool(pool, new_error({
      kind = "died",
      message = string.format("%d workers died in a row before they ran anything", pool._deaths),
      traceback = "",
    }))
  end
  if pool._deaths <= DEATHS_AT_ONCE then return try_to_start(pool, index) end
  take_out(pool, index)
  local pause = math.min(FIRST_PAUSE * 2 ^ (pool._deaths - DEATHS_AT_ONCE - 1), LONGEST_PAUSE)
  table.insert(pool._vacancies, native.time() + pause)
end

-- Stopping what runs ----------------------------------------------------------------------------------

-- The worker is at `number` (and at this item of it): it begins nothing else, and what runs is interrupted.
local function stop_worker(pool, worker, number, item)
  if pool._stopping[worker] or not pool._core:doom(worker, number, item) then return end
  worker:interrupt()
  pool._stopping[worker] = native.time()
end

function dispatch.cancelled_error()
  return new_error({ kind = "cancelled", message = "the call was cancelled", traceback = "" })
end

-- True if something of it could be cancelled.
function dispatch.cancel_task(pool, task)
  if not pool._tasks[task.id] then return false end
  if task.ticket and pool._core:cancel(task.ticket) then
    fail_open_items(task, dispatch.cancelled_error)
    return true
  end
  for _, worker in ipairs(pool._workers) do
    if pool._core:running(worker) == task.number then
      fail_open_items(task, dispatch.cancelled_error)
      stop_worker(pool, worker, task.number)
      return true
    end
  end
  return false
end

-- work: a task, or something with a list of them in `tasks`
function dispatch.cancel(pool, work)
  local any = false
  for _, task in pairs(work.tasks or { work }) do any = dispatch.cancel_task(pool, task) or any end
  return any
end

-- A thread that cannot be stopped keeps what it has; its task gets a name that it does not know.
local function abandon(pool, index)
  local worker, name = pool._workers[index], pool._names[index]
  local number, item = pool._core:claim(worker)
  local task = pool._numbers[number]
  diagnostics.report(string.format("worker %s cannot be interrupted; it is left alone, and replaced", name))
  table.insert(pool._abandoned, worker)
  pool._stopping[worker] = nil
  try_to_start(pool, index)
  if not task or pool._ended then return end
  pool._tasks[task.id] = nil
  pool._last_id = pool._last_id + 1
  task.id = pool._last_id
  pool._tasks[task.id] = task
  reassign(pool, task, item, name, nil)
end

local function escalate_stop(pool, index, now)
  local worker = pool._workers[index]
  local since = pool._stopping[worker]
  if not since or not worker:is_alive() then return nil end
  if pool._row.is_process then
    if now - since >= KILL_AFTER then worker:kill() end
  elseif now - since >= ABANDON_AFTER then
    abandon(pool, index)
    return nil
  end
  worker:interrupt()
  return ASK_AGAIN
end

-- A worker that stays at one item of many keeps that one; the others go elsewhere.
local function split(pool, index)
  local worker = pool._workers[index]
  local number, item = pool._core:running(worker)
  local task, seen = pool._numbers[number], pool._seen[worker]
  if not task or not task.is_each or item == 0 or item >= task.count then return end
  if not seen or seen.number ~= number or seen.item ~= item then
    pool._seen[worker] = { number = number, item = item }
    return
  end
  local last = pool._core:limit(worker, number)
  if not last or last >= task.count then return end
  local count = task.count
  task.sink:give_back(task, last)
  task.count = last
  if count > last then task.sink:feed() end
end

-- Seconds until the worker's item has had its time.
local function check_timeout(pool, index)
  local worker = pool._workers[index]
  local number, item, seconds = pool._core:running(worker)
  local task = pool._numbers[number]
  if not task or not task.timeout then return nil end
  if item == 0 or item <= task.answered or (task.settled and task.settled[item]) then return task.timeout end
  if seconds < task.timeout then return task.timeout - seconds end
  fail_item(task, item, errors.timeout_error(task.timeout, pool._names[index]))
  stop_worker(pool, worker, number, item)
  return ASK_AGAIN
end

local function fill_vacancies(pool, now)
  local due = math.huge
  for i = #pool._vacancies, 1, -1 do
    if pool._vacancies[i] <= now then
      table.remove(pool._vacancies, i)
      try_to_start(pool, #pool._workers + 1)
      if pool._ended then return due end
    else
      due = math.min(due, pool._vacancies[i] - now)
    end
  end
  return due
end

-- What time brings about. Seconds until it has to be looked at again; nil: no need.
local function check_timeouts(pool)
  if pool._timed == 0 and pool._each == 0 and not next(pool._stopping) and #pool._vacancies == 0 then return nil end
  local now = native.time()
  local splits = pool._each > 0 and now >= pool._next_split
  if splits then pool._next_split = now + SPLIT_EVERY end
  local due = fill_vacancies(pool, now)
  for index = #pool._workers, 1, -1 do
    if pool._ended then return nil end
    due = math.min(due, escalate_stop(pool, index, now) or math.huge)
    if splits and not pool._ended then split(pool, index) end
    if pool._timed > 0 and not pool._ended then due = math.min(due, check_timeout(pool, index) or math.huge) end
  end
  if pool._timed > 0 then due = math.min(due, pool._shortest) end
  if pool._each > 0 then due = math.min(due, SPLIT_EVERY) end
  return due
end

-- Results ---------------------------------------------------------------------------------------------

local function take_call(pool, task, outcome, ...)
  if not (task.settled and task.settled[1]) then
    task.answered = 1
    if outcome == "undecodable" then
      local err = new_error({ kind = "unsendable", message = tostring((...)), traceback = "" })
      task.sink:take_call(task, false, pack(err))
    elseif outcome == FAILED then
      task.sink:take_call(task, false, pack(new_error((...), pool._name)))
    else
      task.sink:take_call(task, true, pack(...))
    end
  end
  end_task(pool, task)
end

local function take_part(pool, task, outcome, first, count, ns, results, failures)
  local kind = outcome
  if outcome == "undecodable" then
    for index = first, first + count - 1 do
      fail_item(task, index, new_error({ kind = "unsendable", message = tostring(results), traceback = "" }))
    end
    task.answered = first + count - 1
    kind = task.answered == task.count and OK or PART
  elseif outcome == FAILED then
    fail_open_items(task, function() return new_error(results, pool._name) end)
    return end_task(pool, task)
  elseif count > 0 then
    task.sink:take(task, first, count, ns, results, failures)
    task.answered = first + count - 1
  end
  if kind == OK then return end_task(pool, task) end
  if kind ~= RETURNED then return end
  if task.sink.give_back and not task.settled then
    task.sink:give_back(task, task.answered)
    return end_task(pool, task)
  end
  put_again(pool, task, math.max(task.answered, task.skip))
end

local function take_result(pool, id, outcome, first, count, ns, ...)
  if id == 0 then
    if outcome == INITIALIZER_FAILED then
      break_pool(pool, new_error((...), pool._name))
    else
      pool._ready = pool._ready + 1
    end
    return
  end
  local task = pool._tasks[id]
  if not task then return end
  pool._deaths = 0
  if outcome == SKIPPED then
    end_task(pool, task)
  elseif task.mode == CALL then
    take_call(pool, task, outcome, ...)
  else
    take_part(pool, task, outcome, first, count, ns, ...)
  end
end

function take_ready_results(pool)
  local function step(id, ...)
    if not id then return false end
    take_result(pool, id, ...)
    return not pool._ended
  end
  while step(pool._core:take(pool._workers, 0)) do end
end

local function look_after_workers(pool)
  for index = #pool._workers, 1, -1 do
    local worker = pool._workers[index]
    if worker and not worker:is_alive() then
      take_ready_results(pool)
      if pool._ended then return end
      reap(pool, index)
      if pool._ended then return end
      if pool._closed and pool._pending == 0 then take_out(pool, index) else replace(pool, index) end
      if pool._ended then return end
    end
  end
end

-- While the script waits for something else, or before it submits: a worker that died is replaced, one that is late
-- is stopped.
function dispatch.tend(pool)
  if pool._ended or pool._is_joining then return end
  if not pool._core:all_live(pool._workers) then look_after_workers(pool) end
  if not pool._ended then check_timeouts(pool) end
  dispatch.run_callbacks(pool)
end

-- For who waits for other things as well: takes what is there. Seconds until it has to be called again; nil: no need.
function dispatch.take_ready(pool)
  take_ready_results(pool)
  if not pool._ended and not pool._core:all_live(pool._workers) then look_after_workers(pool) end
  if pool._ended then return nil end
  local due = check_timeouts(pool)
  dispatch.run_callbacks(pool)
  return due
end

local function tend_all()
  local open = {}
  for pool in pairs(pools) do open[#open + 1] = pool end
  for _, pool in ipairs(open) do pool._dispatch.tend(pool) end
  if #open == 0 then native.set_tender(nil) end
end

-- Pools that are open are looked after while the script waits, and ended when it ends.
function dispatch.remember(pool)
  pools[pool] = true
  native.set_tender(tend_all)
end

function dispatch.forget(pool) pools[pool] = nil end

-- Takes one result, or looks after the workers; false when the time is up. Then whether a result was taken.
local function pump_once(pool, timeout)
  local due = check_timeouts(pool)
  if pool._ended then return true, false end
  local is_due_first = due and (not timeout or due < timeout)
  local function step(id, ...)
    if id then
      take_result(pool, id, ...)
      return true, true
    end
    local why = ...
    if why == "timeout" and pool._core:all_live(pool._workers) then return is_due_first, false end
    look_after_workers(pool)
    return true, false
  end
  return step(pumps.take(pool._core, pool._workers, is_due_first and due or timeout))
end

-- What was taken may be what another thread of this VM sleeps for.
local function pump(pool, timeout)
  pool._waiters = pool._waiters + 1
  local ok, goes_on, has_taken = pcall(pump_once, pool, timeout)
  pool._waiters = pool._waiters - 1
  if not ok then error(goes_on, 0) end
  if has_taken and pool._waiters > 0 then pumps.nudge(pool._core) end
  if #pool._callbacks > 0 then dispatch.run_callbacks(pool) end
  return goes_on
end

local function pump_until(pool, thing, timeout)
  local deadline = timeout and native.time() + timeout
  while not thing._is_done do
    if pool._ended then return nil, "cancelled" end
    local left = deadline and math.max(0, deadline - native.time())
    if not pump(pool, left) and not thing._is_done then return nil, "timeout" end
  end
  return true
end

-- Pumps until thing._is_done. Even without time left, results that are there are taken. Of the tasks that wait for
-- futures of the pool one pumps at a time.
function dispatch.pump_until(pool, thing, timeout)
  if timeout ~= 0 and thing._settle and waits.has_tasks() then
    return pumps.in_turn(pool, thing, timeout, pump_until)
  end
  return pump_until(pool, thing, timeout)
end

-- The life of a pool ----------------------------------------------------------------------------------

function dispatch.check_open(pool, where)
  if pool._pid ~= native.pid() then error(where .. ": this pool belongs to another process", 3) end
  if pool._core.members and pool._core.members[identity.agent()] then
    error(where .. ": a worker of this pool cannot give it work: it would wait for itself", 3)
  end
  if pool._broken then errors.raise(pool._broken) end
  if pool._closed then error(where .. ": the pool is closed", 3) end
  dispatch.tend(pool)
end

-- No more tasks; what was submitted is done. The ring is closed when nothing is open, so that a worker that dies until
-- then is replaced.
function dispatch.close(pool)
  pool._closed = true
  if pool._pending == 0 then pool._core:close() end
end

function dispatch.stats(pool)
  if pool._ended then return pool._last_measures or {} end
  return dispatch.measures(pool)
end

-- What mm.wait waits for until a future may be done: results come through the pool's ring, and workers die. Whoever
-- sees that pumps, and looks at the futures again.
function dispatch.waitable(pool) return pool._core.results or pool._core, false, pool._workers end

function dispatch.join(pool, deadline)
  while pool._pending > 0 and not pool._ended do
    local left = deadline and math.max(0, deadline - native.time())
    if not pump(pool, left) and pool._pending > 0 then return nil, "timeout" end
  end
  if pool._ended then return true end
  pool._core:close()
  pool._is_joining = true -- nobody else may close a worker that is waited for
  for _, worker in ipairs(pool._workers) do
    local left = deadline and math.max(0, deadline - native.time())
    local done, why = worker:wait(left)
    if not done then
      pool._is_joining = false
      return nil, why
    end
  end
  pool._last_measures = dispatch.measures(pool)
  dispatch.end_pool(pool)
  return true
end

-- pool: _row, _world, _core, _size, _name, _initializer, _initargs, _maxtasks; gets its workers.
function dispatch.begin(pool)
  for name, value in pairs({
    _dispatch = dispatch, _retries = 0, _pid = native.pid(), _thread = identity.agent(), _waiters = 0, _workers = {},
    _names = {}, _tasks = {}, -- by id
    _numbers = {}, -- task by its number in the ring
    _callbacks = {}, _vacancies = {}, _stopping = {}, _abandoned = {}, _pending = 0, _timed = 0, _each = 0,
    _last_id = 0, _seen = {}, -- what each worker was at when it was last looked at
    _started = 0, _ready = 0, _deaths = 0, _next_split = 0,
  }) do
    pool[name] = value
  end
  dispatch.remember(pool)
  local started, failure = pcall(function()
    for index = 1, pool._size do start_worker(pool, index) end
  end)
  if not started then
    dispatch.end_pool(pool)
    error(failure, 0)
  end
  while pool._initializer and pool._ready < pool._size and not pool._broken do pump(pool) end
  if pool._broken then errors.raise(pool._broken) end
end

function dispatch.all_here()
  local open = {}
  local here = identity.agent()
  for pool in pairs(pools) do
    if not here or pool._thread == here then open[#open + 1] = pool end
  end
  return open
end

function dispatch.after_fork()
  pools = setmetatable({}, { __mode = "k" })
  native.set_tender(nil)
end

return dispatch
