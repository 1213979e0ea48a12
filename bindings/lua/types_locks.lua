---@meta
-- SPDX-License-Identifier: MIT
-- The classes of locks, each with its constructor: continues types.lua. Nothing here is run.

---@class (partial) manymoons.World
local World = {}

---When a thread, VM or process ends while it holds a lock, the next acquire returns true, "abandoned": the data that the
---lock protects may be half changed.
---@class manymoons.Lock
local Lock = {}

---A mutual exclusion lock, for all workers that have it.
---```lua
---local lock, counter = mm.Lock(), mm.Value("i32")
---local function count() lock:with(function() counter.value = counter.value + 1 end) end
---mm.Pool(2):map(count, { 1, 2, 3 })
---assert(counter.value == 3)
---```
---@return manymoons.Lock
function World.Lock() end

---Acquires the lock, waiting until it is free. A wait without a timeout that can never end raises an mm.Error of kind
---"deadlock", within half a second: when the caller holds this Lock itself and no other task of its thread could release
---it, at once; or when each of several waiters waits for what another one holds, or for the end of a worker that waits
---so. Then one of them is refused, and the message says which waiter holds what, where it waits, and its calls.
---```lua
---local lock = mm.Lock()
---assert(lock:acquire())
---assert(select(2, lock:acquire(0.01)) == "timeout") -- it is held
---lock:release()
---```
---@param timeout? number|boolean seconds; or, as in Python, acquire(block, timeout)
---@return boolean? acquired true, or nil
---@return string? why "timeout"; with true, "abandoned" if the holder ended without releasing it
function Lock:acquire(timeout) end

---Releases the lock. Any thread may release a Lock, only its holder an RLock. Raises if it is not held.
---```lua
---local lock = mm.Lock()
---lock:acquire()
---lock:release()
---assert(not pcall(lock.release, lock)) -- it is free
---```
function Lock:release() end

---Whether the lock is held.
---```lua
---local lock = mm.Lock()
---assert(not lock:locked())
---lock:acquire()
---assert(lock:locked())
---lock:release()
---```
---@return boolean
function Lock:locked() end

---Calls f while holding the lock. If f raises, the lock is released before the error is passed on.
---```lua
---local lock = mm.Lock()
---local sum = lock:with(function(a, b) return a + b end, 1, 2)
---assert(sum == 3 and not lock:locked())
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function Lock:with(f, ...) end

---Acquires the lock for a guard, which releases it once: `local guard <close> = lock:guard()`, or guard:release() where
---Lua has no `<close>`.
---```lua
---local lock = mm.Lock()
---do
---  local guard <close> = lock:guard()
---  assert(lock:locked())
---end
---assert(not lock:locked())
---```
---@param timeout? number|boolean as for acquire
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire
function Lock:guard(timeout) end

---Closes this handle, as the end of a `<close>` variable does (Lua 5.4). The lock lives as long as any handle; what the VM
---still holds is given back with its last one. Callers of this VM that wait in this handle, and all later uses of it, get
---an error that names it. Safe to call twice.
---```lua
---local lock = mm.Lock()
---lock:close()
---assert(not pcall(lock.acquire, lock))
---```
function Lock:close() end

---The hold that guard() of a lock, a semaphore or a condition has acquired. The end of a `<close>` variable releases it,
---also where an error ends it (Lua 5.4).
---@class manymoons.Guard
local Guard = {}

---Releases what was acquired. Safe to call twice.
---```lua
---local lock = mm.Lock()
---local guard = lock:guard()
---guard:release()
---assert(not lock:locked())
---```
function Guard:release() end

---@class manymoons.RLock: manymoons.Lock

---A lock that its holder, one thread of one VM, may acquire again; it is free after as many releases.
---```lua
---local lock = mm.RLock()
---assert(lock:acquire() and lock:acquire())
---lock:release()
---assert(lock:locked()) -- once more to release
---lock:release()
---assert(not lock:locked())
---```
---@return manymoons.RLock
function World.RLock() end

---Many readers or one writer, first come first served: a caller that arrives while others wait waits behind them, also a
---reader behind a writer; readers that wait one behind the other go together. A reader that ends while it holds the lock
---gives its share back; after a writer that ends the next acquire, for reading or writing, returns true, "abandoned".
---
---A caller is one thread or task of one VM, and releases what it holds itself. It may acquire the lock once more for
---reading while nobody waits for it. A wait that only itself could end raises an error, and so does acquire_write of a
---caller that reads, with any timeout: a reader cannot become a writer.
---@class manymoons.RWLock
local RWLock = {}

---A lock for many readers or one writer.
---```lua
---local lock, list = mm.RWLock(), mm.Array("i32", { 1, 2 })
---local worker = mm.Process(function() lock:with_write(list.fill, list, 7) end)
---worker:start()
---worker:join()
---assert(lock:with_read(list.slice, list)[2] == 7)
---```
---@return manymoons.RWLock
function World.RWLock() end

---Acquires the lock for reading, waiting while a writer holds it or waits.
---```lua
---local lock = mm.RWLock()
---lock:acquire_read()
---local function read() return lock:with_read(math.sqrt, 4) end
---assert(mm.Pool(1):apply(read) == 2) -- two readers at once
---lock:release_read()
---```
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why "timeout"; with true, "abandoned" if a writer ended without releasing it
function RWLock:acquire_read(timeout) end

---Ends one acquire_read. Raises if the caller does not hold the lock for reading.
---```lua
---local lock = mm.RWLock()
---lock:acquire_read()
---lock:release_read()
---assert(not pcall(lock.release_read, lock))
---```
function RWLock:release_read() end

---Acquires the lock for writing, waiting until nobody else has it. Raises if the caller holds it for reading.
---```lua
---local lock = mm.RWLock()
---lock:acquire_write()
---local function read() return lock:acquire_read(0.01) end
---assert(select(2, mm.Pool(1):apply(read)) == "timeout")
---lock:release_write()
---```
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why as for acquire_read
function RWLock:acquire_write(timeout) end

---Ends acquire_write. Raises if the caller does not hold the lock for writing.
---```lua
---local lock = mm.RWLock()
---lock:acquire_write()
---lock:release_write()
---assert(not pcall(lock.release_write, lock))
---```
function RWLock:release_write() end

---Calls f while holding the lock for reading. If f raises, the lock is released before the error is passed on.
---```lua
---local lock = mm.RWLock()
---local prices = mm.Table({ tea = 3 })
---assert(lock:with_read(function() return prices.tea end) == 3)
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function RWLock:with_read(f, ...) end

---Calls f while holding the lock for writing. If f raises, the lock is released before the error is passed on.
---```lua
---local lock = mm.RWLock()
---local prices = mm.Table({ tea = 3 })
---lock:with_write(function() prices.tea = prices.tea + 1 end)
---assert(prices.tea == 4)
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function RWLock:with_write(f, ...) end

---As Lock:guard, for reading.
---```lua
---local lock = mm.RWLock()
---local guard = lock:guard_read()
---assert(not pcall(lock.acquire_write, lock)) -- a reader cannot become a writer
---guard:release()
---assert(lock:acquire_write())
---```
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire_read
function RWLock:guard_read(timeout) end

---As Lock:guard, for writing.
---```lua
---local lock = mm.RWLock()
---local guard = lock:guard_write()
---guard:release()
---assert(lock:acquire_read())
---```
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire_read
function RWLock:guard_write(timeout) end

---As Lock:close.
---```lua
---local lock = mm.RWLock()
---lock:close()
---assert(not pcall(lock.acquire_read, lock))
---```
function RWLock:close() end

---A lock between programs: it stands for a file, which is made if it is missing and stays. One FileLock of all programs
---holds it at a time; the system releases it when that program ends, also by a signal. It is no lock between machines: file
---systems of a network may keep it to one of them. It travels as its path. Waiters try again every 50 ms and have no order.
---@class manymoons.FileLock
---@field path string the file
local FileLock = {}

---A lock of that file, not acquired. The file is opened by the first acquire, which raises where the system refuses it.
---```lua
---local lock = mm.FileLock("report.lock")
---local text = lock:with(function() return "no other program writes now" end)
---assert(#text == 27 and io.open(lock.path))
---```
---@param path string
---@return manymoons.FileLock
function World.FileLock(path) end

---Acquires the lock, waiting until it is free. Raises an mm.Error of kind "deadlock" for a caller that holds it by this
---handle and has no timeout.
---```lua
---local lock, other = mm.FileLock("a.lock"), mm.FileLock("a.lock") -- as in another program
---assert(lock:acquire())
---assert(select(2, other:acquire(0.01)) == "timeout")
---lock:release()
---```
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why "timeout"
function FileLock:acquire(timeout) end

---Releases the lock. Any thread of the VM may do so. Raises if this handle does not hold it.
---```lua
---local lock = mm.FileLock("a.lock")
---lock:acquire()
---lock:release()
---assert(not pcall(lock.release, lock))
---```
function FileLock:release() end

---Whether any program holds it.
---```lua
---local lock, other = mm.FileLock("a.lock"), mm.FileLock("a.lock")
---lock:acquire()
---assert(other:locked())
---lock:release()
---assert(not other:locked())
---```
---@return boolean
function FileLock:locked() end

---As Lock:with.
---```lua
---local lock = mm.FileLock("a.lock")
---local sum = lock:with(function(a, b) return a + b end, 1, 2)
---assert(sum == 3 and not lock:locked())
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function FileLock:with(f, ...) end

---As Lock:guard.
---```lua
---local lock = mm.FileLock("a.lock")
---local guard = lock:guard()
---assert(lock:locked())
---guard:release()
---assert(not lock:locked())
---```
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire
function FileLock:guard(timeout) end

---Releases the lock and closes the file, as the end of a `<close>` variable does (Lua 5.4). Safe to call twice.
---```lua
---local lock, other = mm.FileLock("a.lock"), mm.FileLock("a.lock")
---lock:acquire()
---lock:close()
---assert(other:acquire(0))
---other:close()
---```
function FileLock:close() end

---Permits have no owner: one thread may acquire and another one release. The permits of a killed process, or of a VM
---that ended with an error, come back ("abandoned"), up to the initial number. A BoundedSemaphore also gets back the
---permits of a process that ended cleanly.
---@class manymoons.Semaphore
local Semaphore = {}

---A number of permits to acquire and release.
---```lua
---local semaphore = mm.Semaphore(2) -- at most two at once
---local roots = mm.Pool(3):map(function(x) return semaphore:with(math.sqrt, x) end, { 1, 4, 9 })
---assert(roots[3] == 3 and semaphore:get_value() == 2)
---```
---@param permits? integer initially free, 0 or more; default 1
---@return manymoons.Semaphore
function World.Semaphore(permits) end

---Takes one permit, waiting until one is free.
---```lua
---local semaphore = mm.Semaphore(1)
---assert(semaphore:acquire())
---assert(select(2, semaphore:acquire(0.01)) == "timeout")
---semaphore:release()
---```
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired
---@return string? why as for a Lock
function Semaphore:acquire(timeout) end

---Returns permits.
---```lua
---local semaphore = mm.Semaphore(0)
---semaphore:release(3)
---assert(semaphore:get_value() == 3)
---```
---@param count? integer default 1. A BoundedSemaphore raises above its initial number.
function Semaphore:release(count) end

---The number of free permits.
---```lua
---local semaphore = mm.Semaphore(2)
---semaphore:acquire()
---assert(semaphore:get_value() == 1)
---semaphore:release()
---```
---@return integer
function Semaphore:get_value() end

---Calls f while holding a permit. If f raises, the permit is released before the error is passed on.
---```lua
---local semaphore = mm.Semaphore(1)
---assert(semaphore:with(function() return semaphore:get_value() end) == 0)
---assert(semaphore:get_value() == 1)
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function Semaphore:with(f, ...) end

---As Lock:guard, for one permit.
---```lua
---local semaphore = mm.Semaphore(2)
---local guard = semaphore:guard()
---assert(semaphore:get_value() == 1)
---guard:release()
---assert(semaphore:get_value() == 2)
---```
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: no permit was acquired
---@return string? why as for a Lock
function Semaphore:guard(timeout) end

---As Lock:close.
---```lua
---local semaphore = mm.Semaphore(1)
---semaphore:close()
---assert(not pcall(semaphore.acquire, semaphore))
---```
function Semaphore:close() end

---@class manymoons.BoundedSemaphore: manymoons.Semaphore

---A semaphore that refuses more permits than its initial number.
---```lua
---local semaphore = mm.BoundedSemaphore(1)
---semaphore:acquire()
---semaphore:release()
---assert(not pcall(semaphore.release, semaphore)) -- all permits are free
---```
---@param permits? integer default 1
---@return manymoons.BoundedSemaphore
function World.BoundedSemaphore(permits) end

---A flag to wait for; mm.wait accepts it, too.
---@class manymoons.Event
local Event = {}

---A flag that workers wait for.
---```lua
---local ready = mm.Event()
---local worker = mm.Process(function() ready:set() end)
---worker:start()
---assert(ready:wait())
---worker:join()
---```
---@return manymoons.Event
function World.Event() end

---Releases all waiters, even if it is cleared at once.
---```lua
---local event = mm.Event()
---event:set()
---assert(event:is_set() and event:wait())
---```
function Event:set() end

---Clears the flag.
---```lua
---local event = mm.Event()
---event:set()
---event:clear()
---assert(not event:is_set())
---```
function Event:clear() end

---Whether the flag is set.
---```lua
---local event = mm.Event()
---assert(not event:is_set())
---event:set()
---assert(event:is_set())
---```
---@return boolean
function Event:is_set() end

---Waits until the flag is set.
---```lua
---local event = mm.Event()
---assert(select(2, event:wait(0.01)) == "timeout")
---event:set()
---assert(event:wait())
---```
---@param timeout? number seconds
---@return boolean? set true, or nil
---@return string? why "timeout"
function Event:wait(timeout) end

---As Lock:close.
---```lua
---local event = mm.Event()
---event:close()
---assert(not pcall(event.set, event))
---```
function Event:close() end

---A place to wait until another worker says that something has changed, with the lock that protects it.
---@class manymoons.Condition
local Condition = {}

---A condition variable, with a lock.
---```lua
---local ready, stock = mm.Condition(), mm.Value("i32")
---local worker = mm.Process(function()
---  ready:with(function() stock.value = 5; ready:notify() end)
---end)
---worker:start()
---ready:with(function() ready:wait_for(function() return stock.value > 0 end) end)
---assert(stock.value == 5)
---worker:join()
---```
---@param lock? manymoons.Lock default: an RLock of its own
---@return manymoons.Condition
function World.Condition(lock) end

---Acquires the lock of the condition.
---```lua
---local lock = mm.Lock()
---local condition = mm.Condition(lock)
---condition:acquire()
---assert(lock:locked())
---condition:release()
---```
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why as for a Lock
function Condition:acquire(timeout) end

---Releases the lock of the condition. Raises if it is not held.
---```lua
---local condition = mm.Condition()
---condition:acquire()
---condition:release()
---assert(not pcall(condition.notify, condition)) -- notify wants the lock
---```
function Condition:release() end

---As Lock:with, with the lock of the condition.
---```lua
---local condition = mm.Condition()
---local sum = condition:with(function(a, b) condition:notify_all(); return a + b end, 1, 2)
---assert(sum == 3)
---```
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function Condition:with(f, ...) end

---As Lock:guard.
---```lua
---local lock = mm.Lock()
---local guard = mm.Condition(lock):guard()
---assert(lock:locked())
---guard:release()
---assert(not lock:locked())
---```
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for a Lock
function Condition:guard(timeout) end

---Releases the lock, waits for a notification, and acquires the lock again, as often as it was held. Raises if the lock
---is not held.
---```lua
---local condition = mm.Condition()
---condition:acquire()
---local worker = mm.Process(function() condition:with(condition.notify, condition) end)
---worker:start()
---assert(condition:wait())
---condition:release()
---worker:join()
---```
---@param timeout? number seconds to wait for the notification
---@return boolean? notified true, or nil
---@return string? why "timeout"; with true, "abandoned" if a holder of the lock died meanwhile
function Condition:wait(timeout) end

---Waits until predicate() is true; calls it first and after each notification.
---```lua
---local condition, n = mm.Condition(), mm.Value("i32", 3)
---local function is_enough() return n.value >= 3 end
---condition:with(function() assert(condition:wait_for(is_enough)) end)
---n.value = 2
---condition:with(function() assert(not condition:wait_for(is_enough, 0.01)) end)
---```
---@param predicate function
---@param timeout? number seconds
---@return any result the last result of predicate
function Condition:wait_for(predicate, timeout) end

---Notifies the first `count` waiters. If a notified process dies before it resumes, the next waiter is notified.
---Raises if the lock is not held.
---```lua
---local condition = mm.Condition()
---condition:acquire()
---local worker = mm.Process(function() condition:with(condition.notify, condition, 1) end)
---worker:start()
---assert(condition:wait())
---condition:release()
---worker:join()
---```
---@param count? integer default 1
function Condition:notify(count) end

---Notifies all waiters. Raises if the lock is not held.
---```lua
---local condition = mm.Condition()
---condition:acquire()
---local worker = mm.Process(function() condition:with(condition.notify_all, condition) end)
---worker:start()
---assert(condition:wait())
---condition:release()
---worker:join()
---```
function Condition:notify_all() end

---As Lock:close. A lock that was passed to Condition stays open.
---```lua
---local lock = mm.Lock()
---local condition = mm.Condition(lock)
---condition:close()
---assert(not pcall(condition.acquire, condition))
---assert(lock:acquire())
---```
function Condition:close() end

---A barrier breaks when a party gives up, when a thread or VM that has met there ends with an error, and when a process
---that has it is killed.
---@class manymoons.Barrier
---@field parties integer how many have to arrive
---@field n_waiting integer how many have arrived and wait
---@field broken boolean whether waits return nil, "broken"
local Barrier = {}

---A meeting point: `wait` returns when all parties have arrived.
---```lua
---local barrier = mm.Barrier(2, function() end)
---local worker = mm.Process(function() barrier:wait() end)
---worker:start()
---assert(barrier:wait()) -- both are there
---worker:join()
---```
---@param parties integer 1 to 10000, or a table { parties =, action =, timeout = }
---@param action? function called by the last party to arrive, while the others still wait
---@param timeout? number seconds, for each wait without its own timeout
---@return manymoons.Barrier
function World.Barrier(parties, action, timeout) end

---Waits until all parties have arrived.
---```lua
---local barrier = mm.Barrier(1)
---assert(barrier:wait() == 1)
---local pair = mm.Barrier(2)
---assert(select(2, pair:wait(0.01)) == "timeout" and pair.broken)
---```
---@param timeout? number seconds; when they have passed, the barrier breaks
---@return integer? index 1 for the first to arrive, `parties` for the last; or nil
---@return string? why "timeout" or "broken"
function Barrier:wait(timeout) end

---Breaks the barrier: waiters and later parties get nil, "broken".
---```lua
---local barrier = mm.Barrier(2)
---barrier:abort()
---assert(select(2, barrier:wait()) == "broken")
---```
function Barrier:abort() end

---Makes the barrier whole and empty; waiters get nil, "broken".
---```lua
---local barrier = mm.Barrier(1)
---barrier:abort()
---barrier:reset()
---assert(not barrier.broken and barrier:wait() == 1)
---```
function Barrier:reset() end

---As Lock:close; parties that wait in this handle give up, which breaks the barrier for those of other handles.
---```lua
---local barrier = mm.Barrier(1)
---barrier:close()
---assert(not pcall(barrier.wait, barrier))
---```
function Barrier:close() end
