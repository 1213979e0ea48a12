-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local is_serial = mm.current_world() == "serial"

local function refusal_of(f, ...)
  local err = expect.raises("", f, ...)
  expect.equal(err.kind, "deadlock", tostring(err))
  return err.message
end

local lock = mm.Lock()
lock:acquire()
local message = refusal_of(lock.acquire, lock)
expect.truthy(message:find(is_serial and "Lock:acquire would wait for ever in the serial world"
  or "Lock:acquire: deadlock: this thread holds the Lock already", 1, true), message)
message = refusal_of(function() lock:acquire() end)
expect.truthy(message:find("a_lock_taken_twice_is_a_deadlock.lua:%d+: Lock:acquire"), message)
refusal_of(lock.with, lock, print)
expect.equal({ lock:acquire(0.01) }, { nil, "timeout" }, "with a timeout there is an end")
expect.equal({ lock:acquire(false) }, { nil, "timeout" })
lock:release()
expect.equal(lock:acquire(), true, "and nothing has changed")
lock:release()

local rlock = mm.RLock()
rlock:acquire()
expect.equal(rlock:acquire(), true)
rlock:release()
rlock:release()

local rwlock = mm.RWLock()
rwlock:acquire_write()
refusal_of(rwlock.acquire_write, rwlock)
refusal_of(rwlock.acquire_read, rwlock)
rwlock:release_write()
rwlock:acquire_read()
refusal_of(rwlock.acquire_write, rwlock)
rwlock:release_read()

-- Another task of the thread can release it.
mm.async.run(function()
  lock:acquire()
  mm.async.spawn(function() lock:release() end)
  expect.equal(lock:acquire(), true)
  lock:release()
end)

-- And if it ends without having done so, nobody can.
mm.async.run(function()
  lock:acquire()
  local other = mm.async.spawn(function() mm.sleep(0.01) end)
  refusal_of(lock.acquire, lock)
  expect.equal(other:done(), true)
  lock:release()
end)

-- In a worker, whose error arrives as what it is.
local pool = mm.Pool(1)
local err = expect.raises(is_serial and "would wait for ever" or "deadlock: this thread holds the Lock already",
  pool.apply, pool, function(taken)
    taken:acquire()
    taken:acquire()
  end, mm.Lock())
expect.equal(err.kind, "deadlock")
expect.equal(err.value.kind, "deadlock")
pool:terminate()
