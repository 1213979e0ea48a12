-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
local lock, event = mm.Lock(), mm.Event()
local things = {
  lock = lock, rlock = mm.RLock(), semaphore = mm.Semaphore(3), bounded = mm.BoundedSemaphore(2),
  condition = mm.Condition(lock), barrier = mm.Barrier(1, function() event:set() end), event = event,
  rwlock = mm.RWLock(),
}
q:put(things)
local copy = q:get()
lock:acquire()
expect.equal(copy.lock:locked(), true)
expect.truthy(copy.lock == lock, "two handles on one lock are equal")
expect.truthy(copy.lock ~= mm.Lock())
copy.condition:notify_all()
copy.condition:release()
expect.equal(lock:locked(), false)
copy.semaphore:acquire()
expect.equal(things.semaphore:get_value(), 2)
expect.equal(copy.rwlock:acquire_read(0), true)
expect.equal(tostring(things.rwlock), "RWLock: 1 reader")
copy.rwlock:release_read()
expect.equal(copy.barrier:wait(), 1)
expect.equal(event:is_set(), true)

-- Each kind: the handle that arrives names the same lock, and does what the other one does.
for _, kind in ipairs(mm._native.lock_kinds()) do
  local parties = kind.name == "Barrier" and { 1 } or {}
  local sent = mm[kind.name]((table.unpack or unpack)(parties))
  q:put({ sent, sent })
  local received = q:get()
  expect.truthy(received[1] == received[2], kind.name .. ": two handles on one")
  expect.equal(tostring(received[1]), tostring(sent), kind.name)
  if type(sent) == "userdata" then expect.truthy(received[1] == sent, kind.name .. ": the same lock") end
end

-- To a pool.
local pool = mm.Pool(2)
local results = pool:map(function(t)
  return t.lock:with(function()
    t.semaphore:acquire(0)
    return t.rwlock:with_read(t.event.is_set, t.event)
  end)
end, { things, things })
expect.equal(results, { true, true })
expect.equal(things.semaphore:get_value(), 0)
pool:close()
pool:join()

-- A collected handle does not change the lock: the other handles work, and the holder keeps it.
copy.lock:acquire()
copy.lock, copy.condition = nil, nil
collectgarbage()
collectgarbage()
expect.equal(lock:locked(), true)
lock:release()

-- The last handle of a VM takes along the VM's acquisitions, which could not be released without it.
if mm.current_world() ~= "threads" and mm.current_world() ~= "async" then
  local others = mm.Queue()
  local function hold_and_drop()
    local held = mm.Lock()
    others:put(held)
    held:acquire()
  end
  hold_and_drop()
  collectgarbage()
  collectgarbage()
  expect.equal({ others:get():acquire(expect.HANG) }, { true, "abandoned" })
end

local closed = mm.Lock()
closed = setmetatable({ inner = closed }, nil).inner
getmetatable(closed).__gc(closed)
expect.raises("Lock: used after it was closed", closed.acquire, closed)
if mm.current_world() == "threads" or mm.current_world() == "async" then return end -- there nothing is encoded
expect.raises("Lock: sent after it was closed", q.put, q, closed)
