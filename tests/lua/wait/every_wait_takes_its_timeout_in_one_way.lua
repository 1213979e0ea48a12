-- SPDX-License-Identifier: MIT
-- Every call that waits: NaN is an error that names the timeout, infinity waits as long as nil does, and a negative
-- number does not wait, as 0 does not.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local is_serial = world == "serial"
local nan, forever = 0 / 0, math.huge
local mine = "@manymoons-timeouts-" .. world .. "-" .. mm.current_process().pid

local function gone() return (pcall(error)) end
local pool = mm.Pool(1)
local ended = mm.Process(gone)
ended:start()
local listener = assert(mm.Listener(mine))
local lock = mm.Lock()
local condition = mm.Condition()
local full = mm.Queue(1)
full:put("there")
local joinable = mm.JoinableQueue()
local here, there = mm.Pipe()
local event, semaphore = mm.Event(), mm.Semaphore(0)
local manager = mm.Manager()
local managed = { queue = manager:Queue(), lock = manager:Semaphore(0), event = manager:Event() }

local function held(f, ...)
  condition:acquire()
  local results = { pcall(f, ...) }
  condition:release()
  if not results[1] then error(results[2], 0) end
  return results[2], results[3]
end

-- name → { the call; what makes it return at once; what it then returns, or "any"; takes: what it takes when ready }
local calls = {
  ["Queue:get"] = { function(t) return full:get(t) end, function() if full:empty() then full:put("there") end end },
  ["Queue:put"] = { function(t) return full:put("more", t) end, function() full:get(0) end },
  ["JoinableQueue:join"] = { function(t) return joinable:join(t) end, function() end },
  ["Connection:recv"] = { function(t) return there:recv(t) end, function() here:send(1) end },
  ["Connection:recv_bytes"] = { function(t) return there:recv_bytes(t) end, function() here:send_bytes("1") end },
  ["Connection:poll"] = { function(t) return here:poll(t) end, function() there:send(1) end },
  ["Lock:acquire"] = { function(t) return lock:acquire(t) end, function() pcall(lock.release, lock) end },
  ["Lock:acquire(true)"] = { function(t) return lock:acquire(true, t) end, function() pcall(lock.release, lock) end },
  ["RLock:acquire"] = { function(t) return mm.RLock():acquire(t) end, function() end },
  ["RWLock:acquire_read"] = { function(t) return mm.RWLock():acquire_read(t) end, function() end },
  ["RWLock:acquire_write"] = { function(t) return mm.RWLock():acquire_write(t) end, function() end },
  ["Semaphore:acquire"] = { function(t) return semaphore:acquire(t) end, function() semaphore:release() end },
  ["Event:wait"] = { function(t) return event:wait(t) end, function() event:set() end },
  ["Condition:wait"] = { function(t) return held(condition.wait, condition, t) end },
  ["Condition:wait_for"] = {
    function(t) return held(condition.wait_for, condition, function() return event:is_set() end, t) end,
    function() event:set() end },
  ["Barrier:wait"] = { function(t) return mm.Barrier(1):wait(t) end, function() end },
  ["Barrier"] = { function(t) return mm.Barrier{ parties = 1, timeout = t }:wait() end, function() end },
  ["Process:join"] = { function(t) return ended:join(t) end, function() end },
  ["Future:get"] = { function(t) return pool:submit(tostring, 1):get(t) end, function() end },
  ["Future:wait"] = { function(t) return pool:submit(tostring, 1):wait(t) end, function() end },
  ["as_completed"] = { function(t) return mm.as_completed({ pool:submit(tostring, 1) }, t)() end, function() end },
  ["wait"] = { function(t) return mm.wait({ event }, t) end, function() event:set() end },
  ["wait "] = { function(t) return mm.wait({ event }, { timeout = t }) end, function() event:set() end },
  ["Listener:accept"] = { function(t) return listener:accept(t) end },
  ["Client"] = { function(t) return mm.Client("@manymoons-nobody", { timeout = t }) end, function() end },
  ["Pool{ timeout }"] = {
    function(t) return mm.Pool{ workers = 1, timeout = t }:terminate() end, function() end, limit = true },
  ["Pool:map{ timeout }"] = {
    function(t) return pool:map(tostring, { 1 }, { timeout = t }) end, function() end, limit = true },
  ["Pool:submit{ timeout }"] = {
    function(t) return pool:apply_async(tostring, { 1 }, { timeout = t }):get() end, function() end, limit = true },
  ["a manager's Queue:get"] = { function(t) return managed.queue:get(t) end, function() managed.queue:put(1) end },
  ["a manager's Semaphore:acquire"] = {
    function(t) return managed.lock:acquire(t) end, function() managed.lock:release() end },
  ["a manager's Event:wait"] = { function(t) return managed.event:wait(t) end, function() managed.event:set() end },
}
if pool.apply_async == nil then calls["Pool:submit{ timeout }"] = nil end

for name, row in pairs(calls) do
  local call, make_ready, is_limit = row[1], row[2], row.limit
  local ok, err = pcall(call, nan)
  expect.equal(ok, false, name .. ": NaN is refused")
  expect.truthy(tostring(err):find("timeout: a number of seconds.* expected, got nan"), name .. ": " .. tostring(err))
  ok, err = pcall(call, "soon")
  expect.truthy(not ok and tostring(err):find("expected, got s"), name .. ": a text: " .. tostring(err))
  if is_limit then
    expect.equal((pcall(call, -1)), false, name .. ": no time at all is refused")
  else
    local called, came, why = pcall(call, -1)
    expect.truthy(called or tostring(came):find("are not done"), name .. ": " .. tostring(came))
    local none = type(came) == "table" and next(came) == nil
    expect.truthy(came ~= nil or why, name .. ": " .. tostring(why))
    if name == "Event:wait" or name == "Listener:accept" then expect.equal({ came, why }, { nil, "timeout" }, name) end
    if none then expect.equal(why, "timeout", name) end
  end
  if make_ready then
    make_ready()
    expect.truthy(pcall(call, forever), name .. ": infinity, when there is nothing to wait for")
  end
  event:clear()
end

expect.raises("sleep: a number of seconds, 0 or more, expected, got nan", mm.sleep, nan)
mm.sleep(0)

-- Infinity waits until it comes about.
if not is_serial then
  local q = mm.Queue()
  local worker = mm.Process(function(queue)
    require("manymoons").sleep(0.05)
    queue:put("late")
  end, q)
  worker:start()
  expect.equal({ q:get(forever) }, { "late" })
  expect.equal({ worker:join(forever) }, { true })
  local sleeper = mm.Process(function() require("manymoons").sleep(math.huge) end)
  sleeper:start()
  expect.equal({ sleeper:join(0.05) }, { nil, "timeout" })
  sleeper:terminate()
  sleeper:join()
else
  expect.raises("would wait for ever", mm.Event().wait, mm.Event(), forever)
end
manager:close()
pool:terminate()
