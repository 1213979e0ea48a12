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
---@return manymoons.Lock
function World.Lock() end

---Acquires the lock, waiting until it is free. A wait without a timeout that can never end raises an mm.Error of kind
---"deadlock", within half a second: when the caller holds this Lock itself and no other task of its thread could release
---it, at once; or when each of several waiters waits for what another one holds, or for the end of a worker that waits
---so. Then one of them is refused, and the message says which waiter holds what, where it waits, and its calls.
---@param timeout? number|boolean seconds; or, as in Python, acquire(block, timeout)
---@return boolean? acquired true, or nil
---@return string? why "timeout"; with true, "abandoned" if the holder ended without releasing it
function Lock:acquire(timeout) end

---Any thread may release a Lock, only its holder an RLock. Raises if it is not held.
function Lock:release() end

---Whether the lock is held.
---@return boolean
function Lock:locked() end

---Calls f while holding the lock. If f raises, the lock is released before the error is passed on.
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function Lock:with(f, ...) end

---Acquires the lock for a guard, which releases it once: `local guard <close> = lock:guard()`, or guard:release() where
---Lua has no `<close>`.
---@param timeout? number|boolean as for acquire
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire
function Lock:guard(timeout) end

---Closes this handle, as the end of a `<close>` variable does (Lua 5.4). The lock lives as long as any handle; what the VM
---still holds is given back with its last one. Callers of this VM that wait in this handle, and all later uses of it, get
---an error that names it. Safe to call twice.
function Lock:close() end

---What guard() of a lock, a semaphore or a condition has acquired. The end of a `<close>` variable releases it, also
---where an error ends it (Lua 5.4).
---@class manymoons.Guard
local Guard = {}

---Releases what was acquired. Safe to call twice.
function Guard:release() end

---@class manymoons.RLock: manymoons.Lock

---A lock that its holder, one thread of one VM, may acquire again; it is free after as many releases.
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
---@return manymoons.RWLock
function World.RWLock() end

---Acquires the lock for reading, waiting while a writer holds it or waits.
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why "timeout"; with true, "abandoned" if a writer ended without releasing it
function RWLock:acquire_read(timeout) end

---Raises if the caller does not hold the lock for reading.
function RWLock:release_read() end

---Acquires the lock for writing, waiting until nobody else has it. Raises if the caller holds it for reading.
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why as for acquire_read
function RWLock:acquire_write(timeout) end

---Raises if the caller does not hold the lock for writing.
function RWLock:release_write() end

---Calls f while holding the lock for reading. If f raises, the lock is released before the error is passed on.
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function RWLock:with_read(f, ...) end

---Calls f while holding the lock for writing.
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function RWLock:with_write(f, ...) end

---As Lock:guard, for reading.
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire_read
function RWLock:guard_read(timeout) end

---As Lock:guard, for writing.
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire_read
function RWLock:guard_write(timeout) end

---As Lock:close.
function RWLock:close() end

---A lock between programs: it stands for a file, which is made if it is missing and stays. One FileLock of all programs
---holds it at a time; the system releases it when that program ends, also by a signal. It is no lock between machines: file
---systems of a network may keep it to one of them. It travels as its path. Waiters try again every 50 ms and have no order.
---@class manymoons.FileLock
---@field path string the file
local FileLock = {}

---A lock of that file, not acquired. The file is opened by the first acquire, which raises where the system refuses it.
---@param path string
---@return manymoons.FileLock
function World.FileLock(path) end

---Acquires the lock, waiting until it is free. Raises an mm.Error of kind "deadlock" for a caller that holds it by this
---handle and has no timeout.
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired true, or nil
---@return string? why "timeout"
function FileLock:acquire(timeout) end

---Any thread of the VM may release it. Raises if it is not held by this handle.
function FileLock:release() end

---Whether it is held, by whatever program.
---@return boolean
function FileLock:locked() end

---As Lock:with.
---@param f function
---@param ... any arguments of f
---@return any ... the results of f
function FileLock:with(f, ...) end

---As Lock:guard.
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for acquire
function FileLock:guard(timeout) end

---Releases the lock and closes the file, as the end of a `<close>` variable does (Lua 5.4). Safe to call twice.
function FileLock:close() end

---Permits have no owner: one thread may acquire and another one release. The permits of a killed process, or of a VM
---that ended with an error, come back ("abandoned"), up to the initial number. A BoundedSemaphore also gets back the
---permits of a process that ended cleanly.
---@class manymoons.Semaphore
local Semaphore = {}

---A number of permits to acquire and release.
---@param permits? integer initially free, 0 or more; default 1
---@return manymoons.Semaphore
function World.Semaphore(permits) end

---Takes one permit, waiting until one is free.
---@param timeout? number|boolean as for a Lock
---@return boolean? acquired
---@return string? why as for a Lock
function Semaphore:acquire(timeout) end

---Returns permits.
---@param count? integer default 1. A BoundedSemaphore raises above its initial number.
function Semaphore:release(count) end

---The number of free permits.
---@return integer
function Semaphore:get_value() end

---Calls f while holding a permit.
---@param f function
---@return any ... the results of f
function Semaphore:with(f, ...) end

---As Lock:guard, for one permit.
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: no permit was acquired
---@return string? why as for a Lock
function Semaphore:guard(timeout) end

---As Lock:close.
function Semaphore:close() end

---@class manymoons.BoundedSemaphore: manymoons.Semaphore

---A semaphore that refuses more permits than its initial number.
---@param permits? integer default 1
---@return manymoons.BoundedSemaphore
function World.BoundedSemaphore(permits) end

---A flag to wait for; mm.wait accepts it, too.
---@class manymoons.Event
local Event = {}

---A flag that workers wait for.
---@return manymoons.Event
function World.Event() end

---Releases all waiters, even if it is cleared at once.
function Event:set() end

---Clears the flag.
function Event:clear() end

---Whether the flag is set.
---@return boolean
function Event:is_set() end

---Waits until the flag is set.
---@param timeout? number seconds
---@return boolean? set true, or nil
---@return string? why "timeout"
function Event:wait(timeout) end

---As Lock:close.
function Event:close() end

---@class manymoons.Condition
local Condition = {}

---A condition variable, with a lock.
---@param lock? manymoons.Lock default: an RLock of its own
---@return manymoons.Condition
function World.Condition(lock) end

---The lock's own methods.
function Condition:acquire(timeout) end
function Condition:release() end
function Condition:with(f, ...) end

---As Lock:guard.
---@param timeout? number|boolean as for a Lock
---@return manymoons.Guard? guard nil: the lock was not acquired
---@return string? why as for a Lock
function Condition:guard(timeout) end

---Releases the lock, waits for a notification, and acquires the lock again, as often as it was held. Raises if the lock
---is not held.
---@param timeout? number seconds to wait for the notification
---@return boolean? notified true, or nil
---@return string? why "timeout"; with true, "abandoned" if a holder of the lock died meanwhile
function Condition:wait(timeout) end

---Waits until predicate() is true; calls it first and after each notification.
---@param predicate function
---@param timeout? number seconds
---@return any result the last result of predicate
function Condition:wait_for(predicate, timeout) end

---Notifies the first `count` waiters. If a notified process dies before it resumes, the next waiter is notified.
---Raises if the lock is not held.
---@param count? integer default 1
function Condition:notify(count) end

---Notifies all waiters.
function Condition:notify_all() end

---As Lock:close. A lock that was passed to Condition stays open.
function Condition:close() end

---A barrier breaks when a party gives up, when a thread or VM that has met there ends with an error, and when a process
---that has it is killed.
---@class manymoons.Barrier
---@field parties integer
---@field n_waiting integer
---@field broken boolean
local Barrier = {}

---A meeting point: `wait` returns when all parties have arrived.
---@param parties integer 1 to 10000, or a table { parties =, action =, timeout = }
---@param action? function called by the last party to arrive, while the others still wait
---@param timeout? number seconds, for each wait without its own timeout
---@return manymoons.Barrier
function World.Barrier(parties, action, timeout) end

---Waits until all parties have arrived.
---@param timeout? number seconds; when they have passed, the barrier breaks
---@return integer? index 1 for the first to arrive, `parties` for the last; or nil
---@return string? why "timeout"; "broken"
function Barrier:wait(timeout) end

---Breaks the barrier: waiters and later parties get nil, "broken".
function Barrier:abort() end

---Makes the barrier whole and empty; waiters get nil, "broken".
function Barrier:reset() end

---As Lock:close; parties that wait in this handle give up, which breaks the barrier for those of other handles.
function Barrier:close() end
