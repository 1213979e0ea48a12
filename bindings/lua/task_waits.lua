-- SPDX-License-Identifier: MIT
-- Makes the waits of handles suspend a task alone: their methods are replaced, once, in the VM that uses tasks.
--
-- While there are no tasks the method is called as it is. While there are, it is called without waiting, and if it
-- would have to, the caller parks until the handle is ready, and tries again. What has no readiness (room in a queue of
-- another VM, conditions, barriers) waits in C; the scheduler's broker then lets another thread run the tasks.
local private, schedulers = ...

local is_needed, due_of, time = schedulers.is_needed, schedulers.due_of, private.time

-- A method whose parameter is its timeout: called without waiting until it says something else than nil and `word`;
-- wait(self, due) stands between.
local function patient(native, word, wait)
  return function(self, timeout, ...)
    if not is_needed() or timeout == 0 or (timeout ~= nil and type(timeout) ~= "number") then
      return native(self, timeout, ...)
    end
    local due = due_of(timeout)
    while true do
      local ok, why, more = native(self, 0)
      if ok ~= nil or why ~= word then
        if why == nil then return ok end
        return ok, why, more
      end
      if due and time() >= due then return nil, "timeout" end
      wait(self, due)
    end
  end
end

local function replace(methods, name, make) methods[name] = make(methods[name]) end

-- Queues, connections, events, workers ----------------------------------------------------------------

local function wait_handle(self, due) schedulers.wait_handle(self, due) end

local function wait_worker(self, due) schedulers.wait_any({ self }, due and math.max(0, due - time()), true) end

local function make_patient(word, wait)
  return function(native) return patient(native, word, wait) end
end

for _, key in ipairs({ "Queue", "SimpleQueue", "JoinableQueue" }) do
  replace(private.class_methods("manymoons." .. key), "get", make_patient("empty", wait_handle))
end

local connection = private.class_methods("manymoons.Connection")
replace(connection, "recv", make_patient("timeout", wait_handle))
replace(connection, "recv_bytes", make_patient("timeout", wait_handle))
replace(connection, "poll", function(native)
  return function(self, timeout)
    if not is_needed() or timeout == nil or timeout == 0 then return native(self, timeout) end
    local due = due_of(timeout)
    while not native(self, 0) do
      if time() >= due then return false end
      schedulers.wait_handle(self, due)
    end
    return true
  end
end)

replace(private.class_methods("manymoons.Worker"), "wait", make_patient("timeout", wait_worker))

-- One that was set and cleared again has let through who waited.
replace(private.sync_methods("Event"), "wait", function(native)
  return function(self, timeout)
    if not is_needed() or timeout == 0 or (timeout ~= nil and type(timeout) ~= "number") then
      return native(self, timeout)
    end
    local due, sets = due_of(timeout), self:_sets()
    while not native(self, 0) and self:_sets() == sets do
      if due and time() >= due then return nil, "timeout" end
      schedulers.wait_handle(self, due, true)
    end
    return true
  end
end)

-- iter() of a queue calls get.
local function iterate(q) return q:get() end
local function patient_iter(native)
  return function(self)
    local _, it = native(self), iterate
    return it, self
  end
end
for _, key in ipairs({ "Queue", "SimpleQueue", "JoinableQueue" }) do
  replace(private.class_methods("manymoons." .. key), "iter", patient_iter)
  replace(private.class_methods("manymoons.Local" .. key), "iter", patient_iter)
end

-- Locks: acquire(timeout) or acquire(block, timeout) --------------------------------------------------

local function patient_acquire(native)
  local acquire = patient(native, "timeout", wait_handle)
  return function(self, block, timeout, ...)
    if not is_needed() or block == false then return native(self, block, timeout, ...) end
    if block == true then return acquire(self, timeout) end
    return acquire(self, block)
  end
end

for _, kind in ipairs({ "Lock", "RLock", "Semaphore", "BoundedSemaphore" }) do
  replace(private.sync_methods(kind), "acquire", patient_acquire)
end

-- Queues of this VM: whoever changes one wakes the tasks that wait for that ---------------------------

local getters, putters, joiners = {}, {}, {} -- queue → list, while somebody waits

local function wake_first(lists, q)
  local list = lists[q]
  if not list then return end
  schedulers.wake_one(list, true)
  if list.count == 0 then lists[q] = nil end
end

local function wake_all(lists, q)
  local list = lists[q]
  if not list then return end
  lists[q] = nil
  schedulers.wake_all(list, true)
end

local function wait_in(lists)
  return function(q, due)
    lists[q] = lists[q] or schedulers.new_list()
    local list = lists[q]
    schedulers.wait_in(list, due)
    if list.count == 0 and lists[q] == list then lists[q] = nil end
  end
end

local function after_get(q, ok, why, ...)
  if why == nil then wake_first(putters, q) end
  if why == nil then return ok end
  return ok, why, ...
end

local function after_put(q, ok, ...)
  if ok then wake_first(getters, q) end
  return ok, ...
end

local function replace_local(methods)
  local get, put, close = methods.get, methods.put, methods.close
  local get_nowait, put_nowait = methods.get_nowait, methods.put_nowait
  local patient_get = patient(get, "empty", wait_in(getters))
  function methods.get(self, ...) return after_get(self, patient_get(self, ...)) end
  function methods.get_nowait(self) return after_get(self, get_nowait(self)) end
  function methods.put_nowait(self, ...) return after_put(self, put_nowait(self, ...)) end
  local patient_put = function(self, value, timeout)
    local due = due_of(timeout)
    while true do
      local ok, why = put(self, value, 0)
      if ok or why ~= "full" then return ok, why end
      if due and time() >= due then return nil, "timeout" end
      wait_in(putters)(self, due)
    end
  end
  function methods.put(self, ...)
    local _, timeout = ...
    local is_plain = not is_needed() or select("#", ...) == 0 or timeout == 0
      or (timeout ~= nil and type(timeout) ~= "number")
    if is_plain then return after_put(self, put(self, ...)) end
    return after_put(self, patient_put(self, ...))
  end
  function methods.close(self)
    close(self)
    wake_all(getters, self)
    wake_all(putters, self)
  end
end

for _, key in ipairs({ "LocalQueue", "LocalSimpleQueue", "LocalJoinableQueue" }) do
  replace_local(private.class_methods("manymoons." .. key))
end

local joinable = private.class_methods("manymoons.LocalJoinableQueue")
replace(joinable, "join", make_patient("timeout", wait_in(joiners)))
replace(joinable, "task_done", function(native)
  return function(self)
    native(self)
    if joiners[self] and native then wake_all(joiners, self) end
  end
end)

-- Sockets ---------------------------------------------------------------------------------------------

local READ = 1
local function wait_stream(self, due) schedulers.wait_fd(self:fileno(), READ, due) end

local stream = private.stream_methods()
replace(stream, "ready", make_patient("timeout", wait_stream))
replace(stream, "receive", function(native)
  return function(self, count, timeout)
    if not is_needed() or timeout == 0 then return native(self, count, timeout) end
    local due = due_of(timeout)
    while true do
      local bytes, why = native(self, count, 0)
      if bytes or why ~= "timeout" then return bytes, why end
      if due and time() >= due then return nil, "timeout" end
      wait_stream(self, due)
    end
  end
end)

-- Pools -----------------------------------------------------------------------------------------------
--
-- Of the tasks of a VM that wait for futures of one pool, one pumps (pool_dispatch.lua): the others stand in their
-- future's line until it is settled, or the one that pumped has what it wanted and another has to.

-- Woken when somebody else has taken what a pumping task may wait for.
local nudged = setmetatable({}, { __mode = "k" }) -- core → a source

local function nudged_of(core)
  local source = nudged[core]
  if not source then
    source = { _waiters = schedulers.new_list(), _is_ready = function() return false end }
    nudged[core] = source
  end
  return source
end

-- What else a task that pumps waits for.
function private.nudges_of(core) return schedulers.is_needed() and nudged_of(core) or nil end

function private.wake_pumps(core)
  if nudged[core] then schedulers.wake_all(nudged[core]._waiters) end
end

local core_methods = private.class_methods("manymoons.PoolCore")

replace(core_methods, "nudge", function(native)
  return function(self)
    native(self)
    private.wake_pumps(self)
  end
end)

replace(core_methods, "take", function(native)
  local function answer(self, workers, due, id, ...)
    if id or due == 0 then return id, ... end
    if (...) ~= "timeout" then return id, ... end
    local things = { self, nudged_of(self), private.unpack(workers) }
    schedulers.wait_any(things, due and math.max(0, due - time()), true)
    local function again(found, why, ...)
      if found or why ~= "timeout" then return found, why, ... end
      return nil, due and time() >= due and "timeout" or "look"
    end
    return again(native(self, workers, 0))
  end
  return function(self, workers, timeout)
    if not is_needed() or timeout == 0 then return native(self, workers, timeout) end
    return answer(self, workers, due_of(timeout), native(self, workers, 0))
  end
end)

local dispatch = private.pool_dispatch
local pump_until, run_callbacks = dispatch.pump_until, dispatch.run_callbacks

-- Nobody pumps: the next who waits for this pool does.
local function pass_on(pool)
  pool._pumper = nil
  for future in pairs(pool._lines) do
    if future._line.count > 0 then return schedulers.wake_one(future._line) end
    pool._lines[future] = nil
  end
end

local function pump_for(pool, future, due)
  local pumper = {}
  pool._pumper = pumper
  local ok, done, why = pcall(pump_until, pool, future, due and math.max(0, due - time()))
  if pool._pumper == pumper then pass_on(pool) end
  if not ok then error(done, 0) end
  return done, why
end

function dispatch.pump_until(pool, future, timeout)
  if not is_needed() or timeout == 0 or not future._settle then return pump_until(pool, future, timeout) end
  local due = due_of(timeout)
  pool._lines = pool._lines or {}
  while pool._pumper and not future._is_done and not pool._ended do
    if due and time() >= due then return nil, "timeout" end
    future._line = future._line or schedulers.new_list()
    pool._lines[future] = true
    schedulers.wait_in(future._line, due)
  end
  if future._is_done then return true end
  return pump_for(pool, future, due)
end

-- Whoever pumps calls back; a callback may wait for who stands in line.
function dispatch.run_callbacks(pool)
  if pool._pumper and #pool._callbacks > 0 then pass_on(pool) end
  return run_callbacks(pool)
end
