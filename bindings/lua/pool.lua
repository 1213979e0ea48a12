-- SPDX-License-Identifier: MIT
-- Pool and Future: who runs what, and what became of it. Policy only; the rings are in bindings/pool_core.c.
--
-- Whoever waits for a result pumps: takes results as they come, hands each to its task, and looks after workers that
-- died. The workers take their tasks by themselves, so they stay busy while nobody waits.
--
--   task      one message to the workers: a call, or a slice of a list
--   numbers   task.id names a task in messages; its place in the ring of tasks is what a worker's claim names
--   a worker that dies fails exactly the task it had claimed and not answered; a new one takes its place
local private = ...

local expect, unpack = private.expect, private.unpack
local new_error = private.new_error

local CALL, MAP, STARMAP = 0, 1, 2
local FAILED, INITIALIZER_FAILED = 1, 2
-- A list is cut into slices of this share of what is left, so the last ones are small and the first ones cheap to send.
local SLICES_PER_WORKER = 16
-- So many workers in a row may die without any task having ended in between.
local DEATHS_IN_A_ROW = 10

local new_thread_core = private.load("thread_pool")(private)

local pools = setmetatable({}, { __mode = "k" })

-- Futures ---------------------------------------------------------------------------------------------

local Future = {}
local future_meta = { __index = Future, __name = "Future" }

local function settle(future, ok, results)
  future._is_done, future._ok, future._results = true, ok, results
end

-- outcome: true and results, or false and an mm.Error, packed
function private.settled_future(outcome)
  local future = setmetatable({}, future_meta)
  settle(future, outcome[1], private.pack(unpack(outcome, 2, outcome.n)))
  return future
end

local pump_until

function Future.ready(self)
  if not self._is_done and not self._pool._ended then pump_until(self._pool, self, 0) end
  return self._is_done == true
end

-- True when it is done; nil and "timeout" otherwise. Raises nothing.
function Future.wait(self, timeout)
  if self._is_done then return true end
  return pump_until(self._pool, self, timeout)
end

-- The call's results; raises its error; nil and "timeout".
function Future.get(self, timeout)
  local done, why = Future.wait(self, timeout)
  if not done then return nil, why end
  if not self._ok then private.raise(self._results[1]) end
  return unpack(self._results, 1, self._results.n)
end

function Future.successful(self)
  if not Future.ready(self) then error("Future:successful: the call is not done yet", 2) end
  return self._ok
end

-- Results come through the pool's ring; whoever sees one come pumps, and looks at the futures again.
function future_meta.__mm_wait(self)
  if Future.ready(self) or self._pool._ended then return true end
  return self._pool._core.results or self._pool._core, false
end

-- Functions: encoded once, kept until the last task that needs them is done ---------------------------

-- Whether sending it anew each time could make a difference: only _ENV among its upvalues.
local function is_pure(f)
  if type(f) ~= "function" then return false end
  local name = debug.getupvalue(f, 1)
  return name == nil or (name == "_ENV" and debug.getupvalue(f, 2) == nil)
end

local function drop_function(pool, entry)
  entry.users = entry.users - 1
  if entry.users == 0 then pool._core:drop_function(entry.place) end
end

-- The last pure function stays encoded, for the next call of it; the pool counts as one of its users.
local function keep_function(pool, f, entry)
  local old = pool._kept_entry
  pool._kept_function, pool._kept_entry = f, entry
  if entry then entry.users = entry.users + 1 end
  if old then drop_function(pool, old) end
end

local function add_function(pool, f)
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

-- Workers ---------------------------------------------------------------------------------------------

local function start_worker(pool, index)
  pool._started = pool._started + 1
  local name = pool._name .. "-" .. pool._started
  local settings = private.worker_settings(pool._world, name, true)
  settings.maxtasksperchild = pool._maxtasks
  local method = private.start_method(pool._world)
  local args = pool._initargs
  if method == "thread" then
    pool._workers[index] = pool._core:start(settings, pool._initializer, args)
  else
    pool._workers[index] = private.start_worker("Pool", method, settings, pool._core, pool._initializer,
      unpack(args, 1, args.n))
  end
  pool._names[index] = name
end

local function finish_task(pool, task, ok, ...)
  pool._tasks[task.id] = nil
  pool._numbers[task.number] = nil
  pool._pending = pool._pending - 1
  pool._deaths = 0
  drop_function(pool, task.entry)
  task.finish(pool, task, ok, ...)
end

local function fail_all(pool, make_error)
  for _, task in pairs(pool._tasks) do
    drop_function(pool, task.entry)
    task.finish(pool, task, false, make_error())
  end
  pool._tasks, pool._numbers, pool._pending = {}, {}, 0
end

local function stop_workers(pool)
  for _, worker in ipairs(pool._workers) do worker:kill() end
  for _, worker in ipairs(pool._workers) do worker:close() end
  pool._workers = {}
end

local function end_pool(pool)
  pool._ended, pool._closed = true, true
  pools[pool] = nil
  stop_workers(pool)
  keep_function(pool, nil, nil)
end

local function break_pool(pool, err)
  pool._broken = err
  end_pool(pool)
  fail_all(pool, function() return err end)
end

local function exit_text(code)
  if code and code < 0 then return "killed by signal " .. -code end
  return "exit code " .. tostring(code)
end

local function died_error(name, code)
  return new_error({
    kind = "died",
    message = string.format("worker %s died (%s) while it ran this task", name, exit_text(code)),
    traceback = "",
  }, name, code)
end

-- Results ---------------------------------------------------------------------------------------------

local function take_result(pool, id, outcome, ...)
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
  if outcome == "undecodable" then
    finish_task(pool, task, false, new_error({ kind = "unsendable", message = tostring((...)), traceback = "" }))
  elseif outcome == FAILED then
    finish_task(pool, task, false, new_error((...), pool._name))
  else
    finish_task(pool, task, true, ...)
  end
end

local function take_ready_results(pool)
  local function step(id, ...)
    if not id then return false end
    take_result(pool, id, ...)
    return not pool._ended
  end
  while step(pool._core:take(pool._workers, 0)) do end
end

-- The worker's results were all taken, so what it claimed and is still open was in its hands.
local function bury(pool, index)
  local worker, name = pool._workers[index], pool._names[index]
  local code = worker:exitcode()
  local number = pool._core:claim(worker)
  local task = pool._tasks[pool._numbers[number]]
  worker:close()
  pool._deaths = pool._deaths + 1
  if task then finish_task(pool, task, false, died_error(name, code)) end
  if code == 0 and not task then pool._deaths = 0 end
end

local function replace(pool, index)
  if pool._deaths > DEATHS_IN_A_ROW then
    break_pool(pool, new_error({
      kind = "died",
      message = string.format("%d workers died in a row without having ended a task", pool._deaths),
      traceback = "",
    }))
    return
  end
  local started, why = pcall(start_worker, pool, index)
  if started then return end
  break_pool(pool, new_error({
    kind = "died",
    message = "a worker died and cannot be replaced: " .. tostring(why),
    traceback = "",
  }))
end

local function look_after_workers(pool)
  local is_over = pool._closed and pool._pending == 0
  for index = #pool._workers, 1, -1 do
    local worker = pool._workers[index]
    if worker and not worker:is_alive() then
      take_ready_results(pool)
      if pool._ended then return end
      bury(pool, index)
      if is_over then
        table.remove(pool._workers, index)
        table.remove(pool._names, index)
      else
        replace(pool, index)
      end
      if pool._ended then return end
    end
  end
end

-- While the script waits for something else, or before it submits: a worker that died is replaced.
local function tend(pool)
  if pool._ended or pool._is_joining then return end
  if not pool._core:all_live(pool._workers) then look_after_workers(pool) end
end

local function tend_all()
  local open = {}
  for pool in pairs(pools) do open[#open + 1] = pool end
  for _, pool in ipairs(open) do tend(pool) end
  if #open == 0 then private.set_tender(nil) end
end

-- Takes one result, or looks after the workers; false when the time is up. Then whether a result was taken.
local function pump(pool, timeout)
  local function step(id, ...)
    if id then
      take_result(pool, id, ...)
      return true, true
    end
    local why = ...
    if why == "timeout" then return false, false end
    look_after_workers(pool)
    return true, false
  end
  return step(pool._core:take(pool._workers, timeout))
end

-- Pumps until thing._is_done. Even without time left, what is there is taken.
function pump_until(pool, thing, timeout)
  private.expect(timeout == nil or type(timeout) == "number", "timeout", "a number of seconds expected", 3)
  local deadline = timeout and private.time() + timeout
  while not thing._is_done do
    if pool._ended then return nil, "cancelled" end
    local left = deadline and math.max(0, deadline - private.time())
    pool._waiters = pool._waiters + 1
    local has_time, has_taken = pump(pool, left)
    pool._waiters = pool._waiters - 1
    -- What was taken may be what another thread of this VM sleeps for.
    if has_taken and pool._waiters > 0 then pool._core:nudge() end
    if not has_time and not thing._is_done then return nil, "timeout" end
  end
  return true
end

-- Tasks -----------------------------------------------------------------------------------------------

local function note_task(pool, task, number, why)
  if not number then
    drop_function(pool, task.entry)
    error("Pool: the task cannot be sent: " .. why, 0)
  end
  task.number = number
  pool._tasks[task.id] = task
  pool._numbers[number] = task.id
  pool._pending = pool._pending + 1
end

local function new_task(pool, entry, finish)
  pool._last_id = pool._last_id + 1
  return { id = pool._last_id, entry = entry, finish = finish }
end

local function check_open(pool, where)
  if pool._pid ~= private.pid() then error(where .. ": this pool belongs to another process", 3) end
  if pool._core.members and pool._core.members[private.thread()] then
    error(where .. ": a worker of this pool cannot give it work: it would wait for itself", 3)
  end
  if pool._broken then private.raise(pool._broken) end
  if pool._closed then error(where .. ": the pool is closed", 3) end
  tend(pool)
end

local function finish_call(_, task, ok, ...) settle(task.future, ok, private.pack(...)) end

local function submit(pool, f, ...)
  local future = setmetatable({ _pool = pool }, future_meta)
  local entry = add_function(pool, f)
  local task = new_task(pool, entry, finish_call)
  task.future = future
  local sent, number, why = pcall(pool._core.put, pool._core, CALL, task.id, entry.number, entry.place, ...)
  if not sent then
    drop_function(pool, entry)
    error(number, 0)
  end
  note_task(pool, task, number, why)
  return future
end

-- Lists -----------------------------------------------------------------------------------------------

local function note_failure(batch, index, err)
  if not batch.error_index or index < batch.error_index then
    batch.error_index, batch.error = index, err
  end
end

local function finish_slice(pool, task, ok, count, results, failures)
  local batch = task.batch
  batch.open = batch.open - 1
  batch._is_done = batch.open == 0
  if not ok then
    note_failure(batch, task.first, count)
    return
  end
  local all, base = batch.results, task.first - 1
  for i = 1, count do
    if failures and failures[i] then
      note_failure(batch, base + i, new_error(failures[i], pool._name))
    else
      all[base + i] = results[i]
    end
  end
end

local function slice_size(pool, left, chunksize)
  local size = chunksize or math.floor(left / (pool._size * SLICES_PER_WORKER))
  if pool._maxtasks and size > pool._maxtasks then size = pool._maxtasks end
  return math.max(1, math.min(size, left))
end

local function send_slices(pool, batch, mode, entry, list, count, chunksize)
  local first = 1
  while first <= count do
    local size = slice_size(pool, count - first + 1, chunksize)
    local task = new_task(pool, entry, finish_slice)
    task.batch, task.first = batch, first
    entry.users = entry.users + 1
    local sent, number, why = pcall(pool._core.put_slice, pool._core, mode, task.id, entry.number, entry.place, list,
      first, first + size - 1)
    if not sent then
      drop_function(pool, entry)
      error(number, 0)
    end
    note_task(pool, task, number, why)
    batch.open = batch.open + 1
    first = first + size
  end
end

local function map_with(pool, mode, f, list, opts)
  local count = list.n or #list
  local batch = { open = 0, results = {} }
  local entry = add_function(pool, f)
  local sent, why = pcall(send_slices, pool, batch, mode, entry, list, count, opts and opts.chunksize)
  if sent and batch.open > 0 then pump_until(pool, batch) end
  drop_function(pool, entry)
  if not sent then error(why, 0) end
  if pool._broken then private.raise(pool._broken) end
  if batch.error then private.raise(batch.error) end
  return batch.results
end

local map_options = { chunksize = true }

function private.check_map_arguments(where, f, list, opts)
  expect(private.is_callable(f), where, "argument 1: a function expected, got " .. type(f), 3)
  expect(type(list) == "table", where, "argument 2: a list expected, got " .. type(list), 3)
  expect(opts == nil or type(opts) == "table", where, "argument 3: a table of options expected, got " .. type(opts), 3)
  if not opts then return end
  private.check_options(opts, map_options, where)
  local size = opts.chunksize
  expect(size == nil or (type(size) == "number" and size >= 1 and size % 1 == 0), where,
    "chunksize: a whole number, 1 or more, expected, got " .. tostring(size), 3)
end

-- Methods ---------------------------------------------------------------------------------------------

local Pool = {}

function Pool.submit(self, f, ...)
  check_open(self, "Pool:submit")
  expect(private.is_callable(f), "Pool:submit", "a function expected, got " .. type(f))
  return submit(self, f, ...)
end

function Pool.apply(self, f, ...)
  check_open(self, "Pool:apply")
  expect(private.is_callable(f), "Pool:apply", "a function expected, got " .. type(f))
  return submit(self, f, ...):get()
end

function Pool.map(self, f, list, opts)
  check_open(self, "Pool:map")
  private.check_map_arguments("Pool:map", f, list, opts)
  return map_with(self, MAP, f, list, opts)
end

function Pool.starmap(self, f, list, opts)
  check_open(self, "Pool:starmap")
  private.check_map_arguments("Pool:starmap", f, list, opts)
  return map_with(self, STARMAP, f, list, opts)
end

-- No more tasks; what was submitted is done. The ring is closed when nothing is open, so that a worker that dies until
-- then is replaced.
function Pool.close(self)
  if self._closed then return end
  self._closed = true
  if self._pending == 0 then self._core:close() end
end

local function join_workers(self, deadline)
  self._core:close()
  self._is_joining = true -- nobody else may close a worker that is waited for
  for _, worker in ipairs(self._workers) do
    local left = deadline and math.max(0, deadline - private.time())
    local done, why = worker:wait(left)
    if not done then
      self._is_joining = false
      return nil, why
    end
  end
  end_pool(self)
  return true
end

function Pool.join(self, timeout)
  if not self._closed then error("Pool:join: the pool is still open; call close or terminate first", 2) end
  if self._ended then return true end
  local deadline = timeout and private.time() + timeout
  while self._pending > 0 do
    local left = deadline and math.max(0, deadline - private.time())
    if not pump(self, left) and self._pending > 0 then return nil, "timeout" end
    if self._ended then return true end
  end
  return join_workers(self, deadline)
end

-- Stops the workers at once; what was open fails with kind "cancelled".
function Pool.terminate(self)
  if self._ended or self._pid ~= private.pid() then return end
  self._core:drain()
  end_pool(self)
  fail_all(self, function()
    return new_error({ kind = "cancelled", message = "the pool was terminated", traceback = "" })
  end)
end

-- Construction ----------------------------------------------------------------------------------------

local pool_options = { workers = true, initializer = true, initargs = true, maxtasksperchild = true, name = true }

local function check_count(value, what)
  expect(value == nil or (type(value) == "number" and value >= 1 and value % 1 == 0), "Pool",
    what .. ": a whole number, 1 or more, expected, got " .. tostring(value), 4)
end

-- Pool(workers, initializer, initargs, maxtasksperchild) or Pool{ workers =, … }
function private.read_pool_arguments(first, initializer, initargs, maxtasks)
  local options = first
  if type(first) ~= "table" then
    options = { workers = first, initializer = initializer, initargs = initargs, maxtasksperchild = maxtasks }
  else
    private.check_options(first, pool_options, "Pool")
  end
  check_count(options.workers, "workers")
  check_count(options.maxtasksperchild, "maxtasksperchild")
  expect(options.initializer == nil or private.is_callable(options.initializer), "Pool",
    "initializer: a function expected, got " .. type(options.initializer), 3)
  local args = options.initargs or {}
  expect(type(args) == "table", "Pool", "initargs: a list expected, got " .. type(args), 3)
  return {
    workers = options.workers or private.cpu_count(),
    initializer = options.initializer,
    initargs = { n = args.n or #args, unpack(args, 1, args.n or #args) },
    maxtasksperchild = options.maxtasksperchild,
    name = options.name,
  }
end

local function start_workers(pool)
  for index = 1, pool._size do start_worker(pool, index) end
end

local function wait_for_initializers(pool)
  while pool._ready < pool._size and not pool._broken do pump(pool) end
  if pool._broken then private.raise(pool._broken) end
end

local function describe(self)
  return string.format("Pool: %d workers (%s)%s", self._size, self._world, self._closed and ", closed" or "")
end

local pool_meta = {
  __index = Pool,
  __name = "Pool",
  __tostring = describe,
  __close = Pool.terminate,
  __gc = Pool.terminate,
}

local function new_pool(world, ...)
  local options = private.read_pool_arguments(...)
  local core, why
  if world == "threads" then core = new_thread_core() else core, why = private.pool_core_new() end
  if not core then error("Pool: " .. why, 3) end
  local self = setmetatable({
    _world = world,
    _pid = private.pid(),
    _thread = private.thread(),
    _waiters = 0,
    _core = core,
    _size = options.workers,
    _name = options.name or "PoolWorker",
    _initializer = options.initializer,
    _initargs = options.initargs,
    _maxtasks = options.maxtasksperchild,
    _workers = {},
    _names = {},
    _tasks = {}, -- by id
    _numbers = {}, -- number in the ring → id
    _pending = 0,
    _last_id = 0,
    _started = 0,
    _ready = 0,
    _deaths = 0,
  }, pool_meta)
  pools[self] = true
  private.set_tender(tend_all)
  local started, failure = pcall(start_workers, self)
  if not started then
    end_pool(self)
    error(failure, 0)
  end
  if self._initializer then wait_for_initializers(self) end
  return self
end

return {
  class = function(world)
    return function(...) return new_pool(world, ...) end
  end,
  shutdown = function()
    local open = {}
    local here = private.thread()
    for pool in pairs(pools) do
      if not here or pool._thread == here then open[#open + 1] = pool end
    end
    for _, pool in ipairs(open) do Pool.terminate(pool) end
  end,
  after_fork = function()
    pools = setmetatable({}, { __mode = "k" })
    private.set_tender(nil)
  end,
}
