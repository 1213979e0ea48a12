-- SPDX-License-Identifier: MIT
-- Future: the outcome of a call, or of a list of them. A caller that asks for it pumps the pool
-- (pool/dispatcher.lua or broker/client.lua) until the future is settled.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local finalizers = require("core.finalizers")
local waits = require("core.waits")
local unheard = require("async.unheard")
local awaited = require("pool.awaited")
local dispatcher = require("pool.dispatcher")
local open_pools = require("pool.open_pools")
local pumps = require("pool.pumps")

local expect, unpack, pack = checks.expect, checks.unpack, checks.pack

local Future = {}
-- __mm_future: tasks and futures can stand for each other (async/together.lua).
local meta = { __index = Future, __name = "Future", __mm_future = true, __mm_send = false }

-- Reports a failed call whose future is collected before any caller asked for its result.
local function watch_failure(future, err)
  local name = native.printable(future._pool._config.name)
  future._unasked = finalizers.on_collection(function()
    diagnostics.report("a call of " .. name .. " failed, and its result was never asked for: " .. tostring(err.message))
  end)
end

-- Whatever becomes of it, its user sees it. Of what a task has given to its own pool, in great numbers, the future
-- itself notes that.
local function take_notice(future)
  if future._pool._port then future._is_heard = true else unheard.remove(future) end
end

local function is_unheard(future)
  if future._pool._port then return not future._is_heard end
  return unheard.has(future)
end

local function asked(future)
  take_notice(future)
  if future._unasked then future._unasked.disarm() end
  future._unasked = nil
end

local function call_back(future)
  local callbacks = future._callbacks
  future._callbacks = nil
  for _, f in ipairs(callbacks or {}) do dispatcher.call_back(future._pool, f, future) end
end

-- Settled once: a result after a timeout or a cancellation changes nothing.
function Future._settle(self, ok, results)
  if self._is_done then return end
  self._is_done, self._ok, self._results = true, ok, results
  self._work = nil
  if self._line then pumps.wake_line(self._pool._queue, self) end
  if ok or results[1].kind == "cancelled" then
    take_notice(self)
  elseif is_unheard(self) then
    watch_failure(self, results[1])
  end
  if self._dependents then awaited.note_done(self) end
  call_back(self)
end

local function check_open(self, where)
  checks.self(self, meta, where)
  if self._is_closed then checks.fail(where .. ": used after close") end
  if not self._is_done then open_pools.check_home(self._pool, where) end
end

local function take_what_is_there(self)
  local pool = self._pool
  if self._awaited and not awaited.wait(self, 0) then return false end
  if not self._is_done and not pool._dispatcher.has_ended(pool) then pool._dispatcher.pump_until(pool, self, 0) end
  return self._is_done == true
end

function Future.ready(self)
  check_open(self, "Future:ready")
  if take_what_is_there(self) then return true end
  waits.give_turn()
  return take_what_is_there(self)
end

-- true; or nil and why
local function wait_until_done(self, timeout)
  local pool = self._pool
  if timeout and timeout <= 0 and not Future.ready(self) and not pool._dispatcher.has_ended(pool) then
    return nil, "timeout"
  end
  if self._awaited then
    local due = timeout and native.time() + timeout
    local put, why = awaited.wait(self, timeout)
    if not put then return nil, why end
    timeout = due and math.max(0, due - native.time())
  end
  return pool._dispatcher.pump_until(pool, self, timeout)
end

-- True when it is done; nil and "timeout" otherwise. Raises nothing.
function Future.wait(self, timeout)
  check_open(self, "Future:wait")
  timeout = checks.timeout(timeout, "Future:wait")
  if self._is_done then return true end
  return wait_until_done(self, timeout)
end

local function outcome(self, timeout)
  if not self._is_done then
    local done, why = wait_until_done(self, timeout)
    if not done then
      if why == "timeout" then return nil, why end
      errors.raise(self._pool._dispatcher.failure(self._pool) or dispatcher.cancelled_error())
    end
  end
  if not self._ok then errors.raise(self._results[1]) end
  return unpack(self._results, 1, self._results.n)
end

-- The call's results; raises its error; nil and "timeout".
function Future.get(self, timeout)
  check_open(self, "Future:get")
  timeout = checks.timeout(timeout, "Future:get")
  asked(self)
  return outcome(self, timeout)
end

function Future.successful(self)
  check_open(self, "Future:successful")
  if not Future.ready(self) then checks.fail("Future:successful: the call is not done yet") end
  asked(self)
  return self._ok
end

local function is_cancelled(self)
  return self._is_done and not self._ok and self._results[1].kind == "cancelled"
end

-- Whether it was cancelled, by its user or by the end of its pool.
function Future.cancelled(self)
  check_open(self, "Future:cancelled")
  return Future.ready(self) and is_cancelled(self)
end

-- Whether a worker runs the call, or an item of the list. A pool on a broker does not know.
function Future.running(self)
  check_open(self, "Future:running")
  return not Future.ready(self) and self._work ~= nil and self._pool._dispatcher.is_running(self._pool, self._work)
end

-- The mm.Error of a call that failed; nil of one that did not; nil and "timeout".
function Future.exception(self, timeout)
  check_open(self, "Future:exception")
  timeout = checks.timeout(timeout, "Future:exception")
  asked(self)
  if not self._is_done then
    local done, why = wait_until_done(self, timeout)
    if why == "timeout" then return nil, why end
    if not done then return self._pool._dispatcher.failure(self._pool) or dispatcher.cancelled_error() end
  end
  return not self._ok and self._results[1] or nil
end

-- True: the call will not run, or is being stopped, and has failed with kind "cancelled". False: it
-- was done before.
function Future.cancel(self)
  check_open(self, "Future:cancel")
  asked(self)
  if take_what_is_there(self) then return false end
  if self._pool._dispatcher.has_ended(self._pool) then return false end
  if self._awaited then
    awaited.fail(self, dispatcher.cancelled_error())
  else
    if not self._pool._dispatcher.cancel(self._pool, self._work) then return false end
    Future._settle(self, false, pack(dispatcher.cancelled_error()))
  end
  dispatcher.run_callbacks(self._pool)
  return true
end

-- f(future) once it is done: at once if it is, else while a caller waits for something of this
-- pool.
function Future.on_done(self, f)
  check_open(self, "Future:on_done")
  expect(checks.is_callable(f), "Future:on_done", "a function expected, got " .. type(f))
  asked(self)
  if self._is_done then
    dispatcher.call_back_now(f, self)
  else
    self._callbacks = self._callbacks or {}
    self._callbacks[#self._callbacks + 1] = f
  end
  return self
end

-- The outcome is not needed any more: cancels the call, unless it is done.
function Future.close(self)
  checks.self(self, meta, "Future:close")
  if self._is_closed then return end
  if not self._is_done and self._pool._config.pid == native.pid() then Future.cancel(self) end
  asked(self)
  self._is_closed = true
end
meta.__close = Future.close

-- Waits for the backend and for the death of workers; the waiter then pumps, and checks its futures
-- again.
function meta.__mm_wait(self)
  if not self._is_closed then check_open(self, "Future") end
  if self._is_closed or take_what_is_there(self) or self._pool._dispatcher.has_ended(self._pool) then return true end
  if self._awaited then
    local target, is_final, others = awaited.waitable(self)
    if target then return target, is_final, others end
  end
  local target, is_final, others = self._pool._dispatcher.waitable(self._pool, self)
  if self._is_done then return true end
  return target, is_final, others
end

function meta.__mm_failed(self) return self._is_done and not self._ok end

function meta.__tostring(self)
  local state = "not done"
  if self._is_closed then
    state = "closed"
  elseif is_cancelled(self) then
    state = "cancelled"
  elseif self._is_done then
    state = self._ok and "done" or "failed: " .. native.printable(tostring(self._results[1].message):match("^[^\n]*"))
  end
  return "Future: " .. state
end

local module = {}

-- callback(results…) or error_callback(error), once it is done
local function add_callbacks(future, opts)
  if not opts or not (opts.callback or opts.error_callback) then return end
  Future.on_done(future, function(done)
    if done._ok and opts.callback then opts.callback(unpack(done._results, 1, done._results.n)) end
    if not done._ok and opts.error_callback then opts.error_callback(done._results[1]) end
    if not done._ok and not opts.error_callback then
      local name = native.printable(done._pool._config.name)
      diagnostics.report("a call of " .. name .. " failed: " .. tostring(done._results[1].message))
    end
  end)
end

-- With room for what comes later: tasks make futures in great numbers.
local function make(pool)
  return setmetatable({
    _pool = pool, _is_done = false, _is_closed = false, _ok = nil, _results = nil, _work = nil,
  }, meta)
end

-- The caller sets future._work, a task or a list that the dispatcher can cancel, and settles the
-- future.
function module.new(pool, opts)
  local future = make(pool)
  if not pool._port then unheard.add(future) end
  add_callbacks(future, opts)
  return future
end

-- The iterator of those in `futures` that are done, as they come.
function module.as_completed(wait, futures, timeout)
  expect(type(futures) == "table" and not getmetatable(futures), "as_completed",
    "a list of futures or tasks expected, got " .. type(futures))
  timeout = checks.timeout(timeout, "as_completed")
  local open, ready, seen = {}, {}, {}
  for i, future in ipairs(futures) do
    expect(awaited.is_promise(future), "as_completed",
      "thing " .. i .. ": a future or a task expected, got " .. type(future))
    if not seen[future] then open[#open + 1] = future end
    seen[future] = true
  end
  local deadline = timeout and native.time() + timeout
  return function()
    if #ready == 0 and #open > 0 then
      local left = deadline and math.max(0, deadline - native.time())
      ready = wait(open, left)
      if #ready == 0 then checks.fail("as_completed: timeout: " .. #open .. " futures are not done") end
      local is_ready, still_open = {}, {}
      for _, future in ipairs(ready) do is_ready[future] = true end
      for _, future in ipairs(open) do
        if not is_ready[future] then still_open[#still_open + 1] = future end
      end
      open = still_open
    end
    return table.remove(ready, 1)
  end
end

-- A call of its own: opts may have timeout, retries, callback, error_callback.
local sink = {}
sink.__index = sink

function sink:take_call(_, ok, results)
  if not ok then errors.note_call(results[1], self.name) end
  self.future:_settle(ok, results)
end
function sink:fail(_, _, err) self.future:_settle(false, pack(errors.note_call(err, self.name))) end
function sink.finished() end

-- The futures among the arguments were asked for their results, and are of this process.
local function check_promises(pool, name, promises)
  for _, promise in pairs(promises) do
    if getmetatable(promise) == meta then
      check_open(promise, "Pool:" .. name)
      asked(promise)
    end
    if pool._config.broker and promise._pool ~= pool then
      checks.fail("Pool:" .. name .. ": a future among the arguments: a pool on a broker waits for its own alone")
    end
  end
end

local function put_call(future, f, opts, args, own_sink, is_cancellable, entry)
  local pool = future._pool
  future._work = pool._dispatcher.submit_call(pool, f, opts, args, own_sink, is_cancellable, entry)
  if future._is_done then future._work = nil end
end

-- The values are there; or the pool has no workers, so its caller waits, and runs the call.
local function put_here(future, promises, args, put)
  local values
  awaited.defer(future, promises, function(found) values = found end)
  awaited.wait(future)
  if values then put(awaited.fill(args, values)) end
end

-- The call's options, and its place, which it has from now on.
local function held_options(pool, opts)
  local held = { place = pool._dispatcher.next_place(pool) }
  for name, value in pairs(opts or {}) do held[name] = value end
  return held
end

-- The workers get the function and the other arguments now, and the values later; on a broker, where the function may
-- be a name, all of it goes with the call.
local function put_later(future, promises, f, opts, args, own_sink, is_cancellable)
  local pool = future._pool
  local own, held = pool._dispatcher, held_options(pool, opts)
  local function put(all) put_call(future, f, held, all, own_sink, is_cancellable) end
  if pool._config.row.is_immediate or awaited.are_done(promises) then return put_here(future, promises, args, put) end
  if pool._config.broker then
    return awaited.defer(future, promises, function(values) put(awaited.fill(args, values)) end)
  end
  local call, places = awaited.filled(f, args, promises)
  local entry = own.add_function(pool, call)
  awaited.defer(future, promises, function(values)
    local list = { n = #places }
    for i, place in ipairs(places) do list[i] = values[place] end
    put_call(future, call, held, list, own_sink, is_cancellable, entry)
  end, function() own.drop_function(pool, entry) end)
end

-- Waits until no call of the pool waits for its arguments: true; or nil and "timeout".
function module.await_deferred(pool, deadline)
  local deferred = pool._queue.deferred
  while next(deferred) do
    local put, why = awaited.wait(next(deferred), deadline and math.max(0, deadline - native.time()))
    if not put then return nil, why end
  end
  return true
end

local function submit(future, name, f, opts, args, is_cancellable)
  local promises = awaited.find(args)
  if promises then check_promises(future._pool, name, promises) end
  local own_sink = setmetatable({ future = future, name = name }, sink)
  if promises then
    put_later(future, promises, f, opts, args, own_sink, is_cancellable)
  else
    put_call(future, f, opts, args, own_sink, is_cancellable)
  end
  return future
end

-- name: of the pool's method
function module.submit(pool, name, f, opts, args)
  return submit(module.new(pool, opts), name, f, opts, args, true)
end

-- The results of a call; raises its error. Only the caller has its future, and asks for it at once.
function module.call(pool, name, f, opts, args)
  local future = make(pool)
  future._is_heard = true
  return outcome(submit(future, name, f, opts, args, false))
end

return module
