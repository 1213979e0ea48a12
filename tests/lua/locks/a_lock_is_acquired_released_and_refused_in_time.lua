-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local lock = mm.Lock()
expect.equal({ lock:acquire() }, { true })
expect.equal(lock:locked(), true)
expect.equal({ lock:acquire(0) }, { nil, "timeout" })
expect.equal({ lock:acquire(false) }, { nil, "timeout" }, "as in Python: acquire(block, timeout)")
expect.equal({ lock:acquire(true, 0.01) }, { nil, "timeout" })
local start = mm.time()
expect.equal({ lock:acquire(0.05) }, { nil, "timeout" })
expect.truthy(mm.time() - start >= 0.05, "a timeout is never early")
lock:release()
expect.equal(lock:locked(), false)
expect.raises("Lock:release: nobody holds it", lock.release, lock)
expect.equal(tostring(lock), "Lock: free")

local rlock = mm.RLock()
for _ = 1, 3 do expect.equal({ rlock:acquire() }, { true }) end
expect.truthy(tostring(rlock):match("^RLock: held by process %d+, this thread$"), tostring(rlock))
for _ = 1, 3 do rlock:release() end
expect.raises("RLock:release: nobody holds it", rlock.release, rlock)

local semaphore = mm.Semaphore(2)
expect.equal({ semaphore:acquire(), semaphore:acquire() }, { true, true })
expect.equal({ semaphore:acquire(0) }, { nil, "timeout" })
semaphore:release(5)
expect.equal(semaphore:get_value(), 5)

local bounded = mm.BoundedSemaphore(2)
expect.raises("BoundedSemaphore:release: released more often than acquired", bounded.release, bounded)
bounded:acquire()
bounded:release()
expect.equal(bounded:get_value(), 2)
expect.equal(mm.Semaphore():get_value(), 1)
expect.equal({ mm.Semaphore(0):acquire(0.01) }, { nil, "timeout" })

-- with
expect.equal({ lock:with(function(...) return lock:locked(), ... end, 1, nil) }, { true, 1 })
expect.equal(lock:locked(), false)
local failed = { pcall(lock.with, lock, function() error({ "mine" }) end) }
expect.equal(failed[1], false)
expect.equal(failed[2], { "mine" }, "the error passes as it is")
expect.equal(lock:locked(), false, "and the lock is free")

-- Wrong use.
expect.raises("Lock: no argument expected", mm.Lock, 1)
expect.raises("Semaphore: a whole number of permits, 0 or more, expected, got %-1", mm.Semaphore, -1)
expect.raises("Semaphore: a whole number of permits", mm.Semaphore, "2")
expect.raises("BoundedSemaphore: a whole number", mm.BoundedSemaphore, 1.5)
expect.raises("whole number, 1 or more, expected", semaphore.release, semaphore, 0)
expect.raises("with: function expected, got nil", lock.with, lock)
expect.raises("Lock expected", lock.acquire, rlock)
expect.raises("number of seconds expected", lock.acquire, lock, "x")
