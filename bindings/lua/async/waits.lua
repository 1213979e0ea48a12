-- SPDX-License-Identifier: MIT
-- Makes the waits of handles suspend a task alone: their methods are replaced, once, in the VM that uses tasks.
--
-- While there are no tasks the method is called as it is. While there are, it is called without waiting, and if it
-- would have to, the caller parks until the handle is ready, and tries again. What has no readiness (room in a queue of
-- another VM, conditions, barriers) waits in C; the scheduler's broker then lets another thread run the tasks.
local require, native = ...

local schedulers = require("async.schedulers")
local sync = require("locks.sync")

local is_needed, due_of, time = schedulers.is_needed, schedulers.due_of, native.time

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
  replace(native.class_methods("manymoons." .. key), "get", make_patient("empty", wait_handle))
end

local connection = native.class_methods("manymoons.Connection")
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

replace(native.class_methods("manymoons.Worker"), "wait", make_patient("timeout", wait_worker))

-- One that was set and cleared again has let through who waited.
replace(native.sync_methods("Event"), "wait", function(native)
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
  replace(native.class_methods("manymoons." .. key), "iter", patient_iter)
  replace(native.class_methods("manymoons.Local" .. key), "iter", patient_iter)
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

for _, kind in ipairs(sync.kinds) do
  if sync.has_permits(kind) then replace(native.sync_methods(kind.name), "acquire", patient_acquire) end
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
  replace_local(native.class_methods("manymoons." .. key))
end

local joinable = native.class_methods("manymoons.LocalJoinableQueue")
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

local stream = native.stream_methods()
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
