-- SPDX-License-Identifier: MIT
-- The workers of a pool of this machine: how they start, are stopped, and are replaced when they
-- died.
--
-- When a worker dies, the item that ran and those with unsent results fail, or run again if the task
-- has retries; items that had not begun run on another worker. An item that exceeds its timeout, or is
-- cancelled, fails at once; its worker is asked to end, and killed if it does not.
local require, native = ...

local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local unheard = require("async.unheard")
local deaths = require("pool.deaths")
local ending = require("pool.ending")
local results = require("pool.results")
local tasks = require("pool.tasks")
local log = require("worker.log")
local processors = require("worker.processors")
local sandbox = require("worker.sandbox")
local starting = require("worker.start")

local time = native.time

-- Seconds between two checks for slow items, whose followers could run on another worker.
local SPLIT_EVERY = 0.001
-- Seconds between asking a worker to end, which has time to clean up: asking again, killing it, going on without its
-- thread.
local ASK_AGAIN, KILL_AFTER, ABANDON_AFTER = 0.002, 0.6, 2

local workers = {}

---The workers of a pool. `handles` and `names` have the same places.
---@class PoolWorkers
---@field handles table[] worker handles
---@field names string[]
---@field vacancies number[] times at which a worker is to be started
---@field stopping table<table, number> since when a worker is asked to end
---@field leaving table<table, true> workers that end when they have done what they run
---@field is_resting boolean there are none, because there is nothing to do (the option idle)
---@field abandoned table[] threads that could not be interrupted, and still run
---@field progress table<table, table> { number, item }: where each worker was at the last check
---@field cpus table<table, integer[]> the processors of each worker, where the pool has the option
---@field started integer how many were ever started
---@field ready integer how many have run the initializer
---@field deaths PoolDeaths of those that had run nothing
---@field silent_until number the time at which workers of which none has begun are reported; math.huge: one has
---@field next_split number the time of the next check for tasks that could be split
---@field is_joining boolean a thread waits for the workers' end, and no other may close them
---@field last_measures table[]? of a pool that was joined

---@return PoolWorkers
function workers.new(size)
  return {
    handles = {}, names = {}, vacancies = {}, stopping = {}, leaving = {}, abandoned = {}, progress = {},
    is_resting = false,
    cpus = setmetatable({}, { __mode = "k" }), started = 0, ready = 0, deaths = deaths.new(size),
    silent_until = math.huge, next_split = 0, is_joining = false,
  }
end

-- Starting --------------------------------------------------------------------------------------------

local function next_name(pool)
  local own = pool._workers
  own.started = own.started + 1
  return pool._config.name .. "-" .. own.started
end

local function settings_of(config, name)
  local settings = starting.settings(config.world, name, true)
  settings.maxtasksperchild = config.max_tasks
  settings.seed = config.seed
  settings.limits = config.limits
  settings.sandbox = sandbox.settings(config.sandbox)
  return settings
end

-- While a process starts, other threads of this VM run: the list may have become shorter, or the pool may have ended.
-- follows: no code of the script has run since the last one was started.
local function start_worker(pool, index, follows)
  local config, own = pool._config, pool._workers
  local name = next_name(pool)
  local settings = settings_of(config, name)
  settings.cpus = processors.of_next(config.cpus, own.handles, own.cpus)
  pool._backend:watch_globals(follows)
  local worker = pool._start_worker(pool._backend, config, settings, function()
    return next_name(pool)
  end)
  if pool._queue.has_ended then return worker:close() end
  own.cpus[worker] = settings.cpus
  local place = math.min(index, #own.handles + 1)
  table.insert(own.handles, place, worker)
  table.insert(own.names, place, name)
  unheard.watch_end()
end

function workers.start_all(pool)
  local row = pool._config.row
  if not row.is_immediate and not row.is_tasks then pool._workers.silent_until = time() + starting.SILENCE end
  -- The arguments of an initializer may have methods that encode them.
  local is_quiet = pool._config.initializer == nil and pool._config.initargs.n == 0
  for index = 1, pool._config.workers do start_worker(pool, index, is_quiet and index > 1) end
end

-- How many are missing; negative: are too many.
local function count_missing(pool)
  local own, leaving = pool._workers, 0
  for _ in pairs(own.leaving) do leaving = leaving + 1 end
  local wanted = own.is_resting and 0 or pool._config.workers
  return wanted - (#own.handles - leaving + #own.vacancies)
end

-- Starts a worker. One that cannot be started is tried again later.
local function try_to_start(pool, index)
  local own = pool._workers
  local started, why = pcall(start_worker, pool, index)
  if started or pool._queue.has_ended then return end
  deaths.note(own.deaths, false, time())
  if deaths.verdict(own.deaths) then
    ending.break_pool(pool, errors.of_kind("died", "a worker died and cannot be replaced: " .. tostring(why)))
  else
    table.insert(own.vacancies, time() + deaths.pause(own.deaths))
  end
end

-- Why the pool cannot go on, with what most likely ends its workers.
local function verdict(pool)
  local config, why = pool._config, deaths.verdict(pool._workers.deaths)
  if not why or pool._workers.ready > 0 then return why end
  local memory = config.limits and config.limits.memory
  if memory then why = why .. ("; memory = %d may be too little for a worker's VM"):format(memory) end
  if config.initializer then why = why .. "; their initializer may have ended them" end
  return why
end

-- A place is free: a worker starts at once, or after a pause if many have died.
local function fill(pool, index)
  local own = pool._workers
  local pause, why = deaths.pause(own.deaths), verdict(pool)
  if why then return ending.break_pool(pool, errors.of_kind("died", why)) end
  if pause > 0 then return table.insert(own.vacancies, time() + pause) end
  try_to_start(pool, index)
end

-- Measures --------------------------------------------------------------------------------------------

local function measures_of(pool, worker, name)
  local calls, busy, awake, startup, bytes_in, bytes_out = pool._backend:measures(worker)
  return {
    name = name, pid = worker:pid(), tasks = calls, busy = busy, waiting = math.max(0, awake - busy),
    startup = startup, bytes_in = bytes_in, bytes_out = bytes_out,
  }
end

function workers.measures(pool)
  local list, own = {}, pool._workers
  for index, worker in ipairs(own.handles) do list[index] = measures_of(pool, worker, own.names[index]) end
  return list
end

-- Dead workers ---------------------------------------------------------------------------------------

-- The worker's results were all taken, so a task that it claimed and that is still open died with
-- it.
local function reap(pool, index)
  local backend, own, config = pool._backend, pool._workers, pool._config
  local worker, name = own.handles[index], own.names[index]
  local code = worker:exitcode()
  local refusal = config.sandbox and worker:refusal()
  backend:rescue(worker, function() return errors.died_error(name, code, "while it ran this call", refusal) end)
  results.take_ready(pool)
  if pool._queue.has_ended then return end
  local number, item = backend:claim(worker)
  local task = pool._queue.by_number[number]
  if task and task.is_each then tasks.recover(task, backend:recover(worker, number)) end
  local was_asked = own.stopping[worker] ~= nil or own.leaving[worker] ~= nil
  local was_ready = select(4, backend:measures(worker)) > 0
  own.stopping[worker], own.leaving[worker] = nil, nil
  worker:close()
  log.say_end(name, code)
  if not was_asked and item == 0 and (task or code ~= 0) then deaths.note(own.deaths, was_ready, time(), code) end
  if task then tasks.reassign(pool, task, item, name, code, refusal) end
end

local function take_out(own, index)
  table.remove(own.handles, index)
  table.remove(own.names, index)
end

local function replace_dead(pool, index)
  local queue = pool._queue
  results.take_ready(pool)
  if queue.has_ended then return end
  reap(pool, index)
  if queue.has_ended then return end
  take_out(pool._workers, index)
  if not (queue.is_closed and tasks.are_all_done(queue)) and count_missing(pool) > 0 then fill(pool, index) end
end

function workers.replace_dead(pool)
  local own = pool._workers
  for index = #own.handles, 1, -1 do
    local worker = own.handles[index]
    if worker and not worker:is_alive() then replace_dead(pool, index) end
    if pool._queue.has_ended then return end
  end
end

-- Whether none of them died, as far as their status says without a system call.
function workers.all_live(pool) return pool._backend:all_live(pool._workers.handles) end

-- The number of workers -------------------------------------------------------------------------------

-- Asks so many workers to leave: first those that run nothing, of these the youngest.
local function dismiss(pool, count)
  local own, backend = pool._workers, pool._backend
  local idle, busy = {}, {}
  for index = #own.handles, 1, -1 do
    local worker = own.handles[index]
    local list = backend:running(worker) == 0 and idle or busy
    if not own.leaving[worker] then list[#list + 1] = worker end
  end
  for i = 1, count do
    local worker = idle[i] or busy[i - #idle]
    own.leaving[worker] = true
    backend:request_leave(worker)
  end
end

-- Starts or dismisses workers until there are as many as there should be.
local function adjust(pool)
  local own, missing = pool._workers, count_missing(pool)
  while missing < 0 and table.remove(own.vacancies) do missing = missing + 1 end
  if missing < 0 then return dismiss(pool, -missing) end
  for _ = 1, missing do start_worker(pool, #own.handles + 1) end
end

function workers.resize(pool, count)
  if pool._config.row.is_immediate then return end
  pool._config.workers, pool._workers.deaths.size = count, count
  adjust(pool)
end

-- There is a task again.
function workers.end_rest(pool)
  pool._workers.is_resting = false
  adjust(pool)
end

-- The option idle: the workers rest once there has been nothing to do for so long. Seconds until then; nil: there is
-- something to do, or they rest already.
function workers.rest(pool)
  local own, queue, idle = pool._workers, pool._queue, pool._config.idle
  if not idle or queue.has_ended or own.is_resting or pool._config.row.is_immediate then return nil end
  if not tasks.are_all_done(queue) then return nil end
  local left = queue.idle_since + idle - time()
  if left > 0 then return left end
  own.is_resting = true
  adjust(pool)
  return nil
end

-- Stopping --------------------------------------------------------------------------------------------

-- Interrupts the worker if it is at task `number` (and at this item of it); it begins nothing else.
local function stop_worker(pool, worker, number, item)
  local stopping = pool._workers.stopping
  if stopping[worker] or not pool._backend:request_stop(worker, number, item) then return end
  worker:interrupt()
  stopping[worker] = time()
end

-- The worker that runs the task; nil: none does.
local function worker_of(pool, task)
  for _, worker in ipairs(pool._workers.handles) do
    if pool._backend:running(worker) == task.number then return worker end
  end
end

function workers.is_running(pool, task) return worker_of(pool, task) ~= nil end

-- Stops the worker that runs the task; false: none does.
function workers.stop_task(pool, task, make_error)
  local worker = worker_of(pool, task)
  if not worker then return false end
  tasks.fail_open_items(task, make_error)
  stop_worker(pool, worker, task.number)
  return true
end

-- A thread that cannot be stopped keeps running; its task gets a new id, so that its answer is ignored.
local function abandon(pool, index)
  local own, queue = pool._workers, pool._queue
  local worker, name = own.handles[index], own.names[index]
  local number, item = pool._backend:claim(worker)
  local task = queue.by_number[number]
  diagnostics.report("worker " .. native.printable(name) ..
    " cannot be interrupted; its thread was abandoned; a new worker was started")
  table.insert(own.abandoned, worker)
  own.stopping[worker], own.leaving[worker] = nil, nil
  take_out(own, index)
  if count_missing(pool) > 0 then try_to_start(pool, index) end
  if not task or queue.has_ended then return end
  tasks.rename(pool, task)
  tasks.reassign(pool, task, item, name, nil)
end

-- Asks a worker again to end, and kills it in the end. Seconds until the next time; nil: no need.
local function escalate_stop(pool, index, now)
  local worker = pool._workers.handles[index]
  local since = pool._workers.stopping[worker]
  if not since or not worker:is_alive() then return nil end
  if not pool._config.row.is_process and now - since >= ABANDON_AFTER then
    abandon(pool, index)
    return nil
  end
  if now - since >= KILL_AFTER then worker:kill() else worker:interrupt() end
  return ASK_AGAIN
end

-- Takes the items after the running one from a worker that stays at it, and puts them again. → whether it did.
local function split(pool, index)
  local own = pool._workers
  local worker = own.handles[index]
  local number, item = pool._backend:running(worker)
  local task, seen = pool._queue.by_number[number], own.progress[worker]
  if not task or not task.is_each or item == 0 or item >= task.count then return false end
  if not seen or seen.number ~= number or seen.item ~= item then
    own.progress[worker] = { number = number, item = item }
    return true
  end
  local last = pool._backend:limit(worker, number)
  if not last or last >= task.count then return false end
  local count = task.count
  task.sink:give_back(task, last)
  task.count = last
  if count > last then task.sink:feed() end
  return true
end

-- Fails the worker's item and stops the worker if its timeout is over. Seconds until then; nil: none.
local function check_timeout(pool, index)
  local worker = pool._workers.handles[index]
  local number, item, seconds = pool._backend:running(worker)
  local task = pool._queue.by_number[number]
  if not task or not task.timeout then return nil end
  if item == 0 or item <= task.answered or (task.settled and task.settled[item]) then return task.timeout end
  if seconds < task.timeout then return task.timeout - seconds end
  tasks.fail_item(task, item, errors.timeout_error(task.timeout, pool._workers.names[index]))
  stop_worker(pool, worker, number, item)
  return ASK_AGAIN
end

local function fill_vacancies(pool, now)
  local own, due = pool._workers, math.huge
  for i = #own.vacancies, 1, -1 do
    if own.vacancies[i] <= now then
      table.remove(own.vacancies, i)
      try_to_start(pool, #own.handles + 1)
      if pool._queue.has_ended then return due end
    else
      due = math.min(due, own.vacancies[i] - now)
    end
  end
  return due
end

-- Seconds until it has to be called again, and whether something was done.
local function check_worker(pool, index, now, splits)
  local queue = pool._queue
  local due = escalate_stop(pool, index, now) or math.huge
  local is_split = splits and not queue.has_ended and split(pool, index)
  if queue.timed == 0 or queue.has_ended then return due, is_split end
  return math.min(due, check_timeout(pool, index) or math.huge), is_split
end

local function check_silence(pool, own, now)
  for _, worker in ipairs(own.handles) do
    if worker:has_begun() then own.silent_until = math.huge end
  end
  if now < own.silent_until or not own.names[1] then return end
  own.silent_until = math.huge
  starting.report_silence(own.names[1], pool._config.world)
end

-- Whether a time limit, a worker to be stopped or one to be started will change the pool, though nothing else happens.
local function has_times(pool, is_stopping)
  local own = pool._workers
  return pool._queue.timed > 0 or is_stopping or #own.vacancies > 0 or own.silent_until < math.huge
end

-- Checks timeouts, stops and delayed restarts. Seconds until it has to be called again; nil: no need. Then whether it
-- has done something, or will.
function workers.check_timeouts(pool)
  local queue, own = pool._queue, pool._workers
  if own.silent_until < math.huge then check_silence(pool, own, time()) end
  -- Asked once: LuaJIT 2.1.0-beta3 may crash where one trace asks `next` twice of one empty table.
  local is_stopping = next(own.stopping) ~= nil
  if queue.timed == 0 and queue.each == 0 and not is_stopping and #own.vacancies == 0 then
    return nil, own.silent_until < math.huge
  end
  local now, is_active = time(), has_times(pool, is_stopping)
  local splits = queue.each > 0 and now >= own.next_split
  if splits then own.next_split = now + SPLIT_EVERY end
  local due = fill_vacancies(pool, now)
  for index = #own.handles, 1, -1 do
    if queue.has_ended then return nil, true end
    local worker_due, is_split = check_worker(pool, index, now, splits)
    due, is_active = math.min(due, worker_due), is_active or is_split
  end
  if queue.timed > 0 then due = math.min(due, queue.shortest) end
  if queue.each > 0 then due = math.min(due, SPLIT_EVERY) end
  return due, is_active
end

-- Waits until they have ended, one after the other: true; or nil and why.
function workers.join(pool, deadline)
  local own = pool._workers
  own.is_joining = true
  for _, worker in ipairs(own.handles) do
    local done, why = worker:wait(deadline and math.max(0, deadline - time()))
    if not done then
      own.is_joining = false
      return nil, why
    end
  end
  own.last_measures = workers.measures(pool)
  return true
end

return workers
