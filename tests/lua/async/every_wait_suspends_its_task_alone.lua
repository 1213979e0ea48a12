-- SPDX-License-Identifier: MIT
-- Each call that waits, in a task: other tasks run meanwhile; it keeps its timeout; another task ends it; and it can be
-- cancelled. A table has all of them. Not with the sanitizer of threads, which takes it for a race that the
-- loop forgets the number of a closed descriptor which another thread has got anew.
-- variants: release debug asan
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local WORLD = mm.current_world()
local SHORT = 0.02

-- name, make() → wait(timeout), bring_about(), and what the wait returns when its time is over: "nil" (nil and
-- "timeout"), "false", or "empty" (an empty list).
local cases = {}
local function case(name, what, make) cases[#cases + 1] = { name = name, what = what, make = make } end

case("Queue:get", "nil", function()
  local q = mm.Queue()
  return function(timeout) return q:get(timeout) end, function() q:put(1) end
end)
case("Queue:get, by close", "nil", function()
  local q = mm.Queue()
  return function(timeout)
    local value, why = q:get(timeout)
    if why == "closed" then return true end
    return value, why
  end, function() q:close() end
end)
case("SimpleQueue:get", "nil", function()
  local q = mm.SimpleQueue()
  return function(timeout) return q:get(timeout) end, function() q:put(1) end
end)
case("Queue:put", "nil", function()
  local q = mm.Queue(1)
  q:put(1)
  return function(timeout) return q:put(2, timeout) end, function() q:get() end
end)
case("JoinableQueue:put", "nil", function()
  local q = mm.JoinableQueue(1)
  q:put(1)
  return function(timeout) return q:put(2, timeout) end, function() q:get() end
end)
case("PriorityQueue:put", "nil", function()
  local q = mm.PriorityQueue(1)
  q:put(1)
  return function(timeout) return q:put("x", { priority = 2, timeout = timeout }) end, function() q:get() end
end)
case("PriorityQueue:get", "nil", function()
  local q = mm.PriorityQueue()
  return function(timeout) return q:get(timeout) end, function() q:put(1) end
end)
case("JoinableQueue:join", "nil", function()
  local q = mm.JoinableQueue()
  q:put(1)
  return function(timeout) return q:join(timeout) end, function()
    q:get()
    q:task_done()
  end
end)
case("for … in Queue:iter", nil, function()
  local q = mm.Queue()
  return function()
    return (q:iter()(q))
  end, function() q:put(1) end
end)
case("Connection:recv", "nil", function()
  local a, b = mm.Pipe()
  return function(timeout) return a:recv(timeout) end, function() b:send(1) end
end)
case("Connection:recv_bytes", "nil", function()
  local a, b = mm.Pipe()
  return function(timeout) return a:recv_bytes(timeout) end, function() b:send_bytes("x") end
end)
case("Connection:poll", "false", function()
  local a, b = mm.Pipe()
  return function(timeout) return a:poll(timeout or expect.HANG) end, function() b:send(1) end
end)
for _, kind in ipairs({ "Lock", "Semaphore", "BoundedSemaphore" }) do
  case(kind .. ":acquire", "nil", function()
    local lock = mm[kind]()
    lock:acquire()
    return function(timeout) return lock:acquire(timeout) end, function() lock:release() end
  end)
end
case("Lock:acquire, held by the waiter itself", nil, function()
  local lock = mm.Lock()
  return function()
    lock:acquire()
    return lock:acquire()
  end, function() lock:release() end
end)
-- The task that holds it, releases it.
local function hold(acquire, release)
  local gate = async.Event()
  local holder = async.spawn(function()
    acquire()
    gate:wait()
    release()
  end)
  mm.sleep(0)
  return function()
    gate:set()
    holder:wait()
  end
end
case("Lock:acquire, held by another task", "nil", function()
  local lock = mm.Lock()
  local let_go = hold(function() lock:acquire() end, function() lock:release() end)
  return function(timeout) return lock:acquire(timeout) end, let_go
end)
case("RLock:acquire", "nil", function()
  local lock = mm.RLock()
  local let_go = hold(function() lock:acquire() end, function() lock:release() end)
  return function(timeout) return lock:acquire(timeout) end, let_go
end)
case("RWLock:acquire_read", "nil", function()
  local lock = mm.RWLock()
  local let_go = hold(function() lock:acquire_write() end, function() lock:release_write() end)
  return function(timeout) return lock:acquire_read(timeout) end, let_go
end)
case("RWLock:acquire_write", "nil", function()
  local lock = mm.RWLock()
  local let_go = hold(function() lock:acquire_read() end, function() lock:release_read() end)
  return function(timeout) return lock:acquire_write(timeout) end, let_go
end)
case("Lock:with", nil, function()
  local lock = mm.Lock()
  local let_go = hold(function() lock:acquire() end, function() lock:release() end)
  return function() return lock:with(function() return true end) end, let_go
end)
case("Event:wait", "nil", function()
  local event = mm.Event()
  return function(timeout) return event:wait(timeout) end, function() event:set() end
end)
case("Condition:wait", "nil", function()
  local condition = mm.Condition()
  return function(timeout)
    condition:acquire()
    local ok, why = condition:wait(timeout)
    condition:release()
    return ok, why
  end, function()
    condition:acquire()
    condition:notify()
    condition:release()
  end
end)
case("Condition:wait_for", "false", function()
  local condition, is_so = mm.Condition(mm.Lock()), false
  return function(timeout)
    condition:acquire()
    local ok = condition:wait_for(function() return is_so end, timeout)
    condition:release()
    return ok
  end, function()
    condition:acquire()
    is_so = true
    condition:notify_all()
    condition:release()
  end
end)
case("Barrier:wait", "nil", function()
  local barrier = mm.Barrier(2)
  return function(timeout)
    local index, why = barrier:wait(timeout)
    if why == "timeout" then barrier:reset() end
    return index, why
  end, function() barrier:wait() end
end)
if WORLD ~= "async" and WORLD ~= "threads" then -- where a pipe has an end
  case("Connection:send", nil, function()
    local a, b = mm.Pipe()
    local long, count = ("x"):rep(1000), 3000
    return function()
      for _ = 1, count do assert(a:send(long)) end
      return true
    end, function()
      for _ = 1, count do b:recv() end
    end
  end)
end
case("mm.wait", "empty", function()
  local q, event = mm.Queue(), mm.Event()
  return function(timeout) return mm.wait({ q, event }, timeout)[1] end, function() event:set() end
end)
case("Task:get", "nil", function()
  local gate = async.Event()
  local task = async.spawn(function() return gate:wait() end)
  return function(timeout) return task:get(timeout) end, function() gate:set() end
end)
case("wait_fd", "nil", function()
  local a, b = mm.Pipe()
  return function(timeout) return async.wait_fd(a, "r", timeout) end, function() b:send(1) end
end)
case("Connection:recv of a Client", "nil", function()
  local listener = mm.Listener()
  local theirs
  local accepting = async.spawn(function() theirs = listener:accept() end)
  local ours = assert(mm.Client(listener.address))
  accepting:wait()
  return function(timeout) return ours:recv(timeout) end, function() theirs:send(1) end
end)
case("Connection:poll of a Listener", "false", function()
  local listener = mm.Listener()
  local theirs
  local accepting = async.spawn(function() theirs = listener:accept() end)
  local ours = assert(mm.Client(listener.address))
  accepting:wait()
  return function(timeout) return theirs:poll(timeout or expect.HANG) end, function() ours:send(1) end
end)
case("Listener:accept", "nil", function()
  local listener = mm.Listener()
  return function(timeout) return listener:accept(timeout) end, function() assert(mm.Client(listener.address)) end
end)

local futures = {}
local function submitted(pool, q)
  futures[#futures + 1] = pool:submit(function() return q:get() end)
  return futures[#futures]
end

if WORLD ~= "serial" then
  case("Process:join", "nil", function()
    local q = mm.Queue()
    local process = mm.Process{ target = function() q:get() end, daemon = true }
    process:start()
    return function(timeout) return process:join(timeout) end, function() q:put(1) end
  end)
  for _, method in ipairs({ "get", "wait" }) do
    case("Future:" .. method, "nil", function()
      local q, pool = mm.Queue(), mm.Pool(1)
      local future = submitted(pool, q)
      return function(timeout) return future[method](future, timeout) end, function() q:put(1) end
    end)
  end
  case("Pool:apply", nil, function()
    local q, pool = mm.Queue(), mm.Pool(1)
    return function() return pool:apply(function() return q:get() end) end, function() q:put(1) end
  end)
  case("Pool:map", nil, function()
    local q, pool = mm.Queue(), mm.Pool(1)
    return function() return pool:map(function() return q:get() end, { 1 }) end, function() q:put(1) end
  end)
  case("Pool:imap", nil, function()
    local q, pool = mm.Queue(), mm.Pool(1)
    return function()
      return (pool:imap(function() return q:get() end, { 1 })())
    end, function() q:put(1) end
  end)
  case("as_completed", nil, function()
    local q, pool = mm.Queue(), mm.Pool(1)
    local future = submitted(pool, q)
    return function() return mm.as_completed({ future })() end, function() q:put(1) end
  end)
  case("Pool:join", "nil", function()
    local q, pool = mm.Queue(), mm.Pool(1)
    submitted(pool, q)
    pool:close()
    return function(timeout) return pool:join(timeout) end, function() q:put(1) end
  end)
end

-- Counts how often another task ran.
local function with_ticks(f)
  local ticks = 0
  local ticker = async.spawn(function()
    while true do
      ticks = ticks + 1
      mm.sleep(0)
    end
  end)
  mm.sleep(0)
  local before = ticks
  local a, b = f()
  ticker:cancel()
  return ticks - before, a, b
end

local function check_timeout(name, what, wait)
  local begun = mm.time()
  local ticks, value, why = with_ticks(function() return wait(SHORT) end)
  expect.truthy(mm.time() - begun >= SHORT * 0.9, name .. " keeps its timeout")
  expect.truthy(ticks >= 2, name .. ": other tasks run")
  if what == "nil" then expect.equal({ value, why }, { nil, "timeout" }, name) end
  if what == "false" then expect.equal(value, false, name) end
  if what == "empty" then expect.equal(value, nil, name) end
end

local function check(entry, place)
  local name = entry.name
  local wait, bring_about = entry.make()
  if entry.what then check_timeout(name, entry.what, wait) end
  local has_begun = false
  local waiter = async.spawn(function()
    return place(function()
      has_begun = true
      return (wait())
    end)
  end)
  local ticks = with_ticks(function() mm.sleep(SHORT) end)
  expect.truthy(has_begun and ticks >= 2, name .. ": other tasks run")
  expect.equal(waiter:done(), false, name .. " waits")
  local ender = async.spawn(bring_about)
  local got = { waiter:get(expect.HANG) }
  expect.truthy(got[1], name .. ": another task ends it: " .. tostring(got[2]))
  expect.equal(ender:wait(expect.HANG), true)

  local kept = { entry.make() } -- also the other end, whose collection would end the wait
  local cancelled = async.spawn(function() return place(kept[1]) end)
  mm.sleep(0.005)
  cancelled:cancel()
  expect.equal(cancelled:wait(expect.HANG), true, name .. " can be cancelled")
  expect.truthy(kept[1])
end

local function plain(f) return f() end
local function in_coroutine(f) return coroutine.wrap(function() return f() end)() end

async.run(function()
  for _, entry in ipairs(cases) do
    check(entry, plain)
    check(entry, in_coroutine)
  end
  for _, future in ipairs(futures) do future:cancel() end -- of the waits that were cancelled
end)
