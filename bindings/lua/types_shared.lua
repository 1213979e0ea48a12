---@meta manymoons
-- SPDX-License-Identifier: MIT
-- The classes of locks, each with its constructor, of shared memory, connections and managers: continues types.lua.
-- Nothing here is run.

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
---it, at once; or when each of several waiters waits for what another one holds. Then one of them is refused, and the
---message says which waiter holds what, and where it waits.
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

---One number in shared memory. Reads and writes never tear; each method is one atomic step.
---Only values that fit can be written: 256 does not fit into u8, nor 1.5 into an integer; f32 rounds. A u64 above
---2^63 - 1 is read as a float; on LuaJIT, so is any integer that a double cannot hold.
---@class manymoons.Value
---@field value number
local Value = {}

---Adds n.
---@param n number
---@return number sum the new value. Raises, and changes nothing, if it does not fit.
function Value:add(n) end

---Compares and swaps: sets the value to new if it is old.
---@param old number
---@param new number
---@return boolean done true: the value was old, and is now new
function Value:cas(old, new) end

---Sets the value to new and returns the old one.
---@param new number
---@return number old
function Value:exchange(new) end

---Sets the value to x if x is greater.
---@param x number
---@return number value the new value: the greater of both
function Value:max(x) end

---Sets the value to x if x is less.
---@param x number
---@return number value the new value: the lesser of both
function Value:min(x) end

---The value's lock: the same for all callers, created at the first call. No method acquires it by itself.
---@return manymoons.RLock
function Value:lock() end

---As lock, under Python's name.
---@return manymoons.RLock
function Value:get_lock() end

---The address in this process, as light userdata, for LuaJIT's ffi or another C module; valid while the handle is open.
---@return userdata
function Value:pointer() end

---The type.
---@return string type "i32", …
function Value:type() end

---Releases this handle; the memory lives as long as any handle.
function Value:close() end

---a[i] from 1 to #a; another index raises an error that names it. The methods of a Value take the index first:
---a:add(i, n), a:cas(i, old, new). Use iter, not ipairs: ipairs reads one index past the end.
---@class manymoons.Array: manymoons.Value
---@field [integer] number
local Array = {}

---Sets the elements from first to last to x.
---@param x number
---@param first? integer default 1
---@param last? integer default #a
---@return manymoons.Array self
function Array:fill(x, first, last) end

---The elements from first to last, as a list.
---@param first? integer
---@param last? integer
---@return number[]
function Array:slice(first, last) end

---The elements as bytes, in this machine's byte order.
---@param first? integer
---@param last? integer
---@return string
function Array:bytes(first, last) end

---Copies a list, another Array, or a string of whole elements into this one. Raises at the first element that does not
---fit; the elements before it are copied.
---@param source number[]|string|manymoons.Array
---@param at? integer the index of the first element; default 1
---@return manymoons.Array self
function Array:copy(source, at) end

---for i, x in a:iter() do … end
function Array:iter() end

---@class manymoons.Listener
---@field address string the address to connect to
local Listener = {}

---The next connection. A client that sends nothing or garbage is dropped after 5 s without blocking others, and sooner
---where there are so many of them that they would keep others out.
---@param timeout? number seconds
---@return manymoons.Connection? connection nil with a reason
---@return string? why "timeout"; "authentication failed": a client could not prove that it has the key; "EMFILE: …":
---there was no descriptor for a client all the time (without a timeout, for a second)
function Listener:accept(timeout) end

---A descriptor that is readable when a client connects; only poll it.
---@return integer descriptor
function Listener:fileno() end

---Stops listening. Safe to call twice.
function Listener:close() end

---m:dict{…}, m:list{…}, m:Namespace(), m:Queue(n), m:Lock(), m:RLock(), m:RWLock(), m:Semaphore(n),
---m:BoundedSemaphore(n), m:Event(), m:Condition(), m:Barrier(n), m:Value(type, init), m:Array(type, list), and registered names: each creates an object on
---the server and returns a proxy. An error on the server is raised as an mm.Error, with the server's traceback; if the
---server is gone, its kind is "died".
---
---A proxy is read, written and called like its object. Reading a table gives a proxy, too: all clients see d.a[1] = 2.
---A method returns copies. dict and list have get, set, items, clear, copy, len, update; dict also has, keys, values,
---pop; list also append, extend, insert, pop, sort, concat. A key hides a method of the same name. Proxies can be sent.
---A Value and an Array check types and bounds as those of the worlds do. proxy:close() lets go of an object, and gives
---back what the caller holds of it; that of a queue closes the queue for all. Wrong uses raise with the line of the
---client's call, as those of other objects do.
---On Lua 5.1 and LuaJIT, where tables have no __len and __pairs, use p:len() and m:pairs(p). Locks that a client holds
---when it ends are abandoned, and the permits of semaphores come back.
---
---Clients take turns: none keeps the others waiting, however many requests it sends. Methods of registered objects, and
---factories, may wait: other calls go on meanwhile, also those of the same object, so a method is one step only up to
---where it waits. What runs in update and in metamethods should not wait, and has to return. No failing request ends the
---server.
---@class manymoons.Manager
---@field pid integer? the server's, if this program started it
---@field address string "here" in the serial world
local Manager = {}

---From now on m:name(…) returns a proxy of the object that factory(…) returns on the server: a new or an existing one.
---With trust = "data" only the program that started the manager may register; the factory runs in the manager.
---@param name string
---@param factory function sent to the server
function Manager:register(name, factory) end

---for key, value in m:pairs(proxy) do … end
function Manager:pairs(proxy) end

---Ends the server; after mm.connect, only the connection. Safe to call twice.
function Manager:close() end

---A proxy of a dict or list. update(f, …) calls f(object, …) on the server, as one step among all requests, and returns
---its results.
---@class manymoons.Proxy
local Proxy = {}

---@param f function|table with a table, update sets its pairs
---@return any ...
function Proxy:update(f, ...) end

---t[key] is read and written as in a table. Keys are strings and integers; values are all that can be sent except
---handles; nil removes a key. A read returns a copy: to change a nested table, set it again, or use update. A key hides a
---method of the same name. A death at any instant leaves each key with its old value or its new one.
---@class manymoons.Table
---@field [string|integer] any
local Table = {}

---Sets t[key] to the result of f(t[key], …), as one step among updates, but not among assignments.
---@param key string|integer
---@param f function
---@return any value the result of f
function Table:update(key, f, ...) end

---The number of keys; the same as #t.
---@return integer
function Table:len() end

---The current keys, in no order.
---@return (string|integer)[]
function Table:keys() end

---for key, value in t:iter() do … end: visits the keys that were there at the start and still are. So does pairs(t), where
---Lua has __pairs (from 5.2 on).
function Table:iter() end

---The lock that update acquires: the same for all callers.
---@return manymoons.RLock
function Table:lock() end

---Releases this handle; the table lives as long as any handle.
function Table:close() end

---It is sent as its name: each VM opens it at the first use.
---@class manymoons.SharedMemory
---@field name string
---@field size integer bytes
local SharedMemory = {}

---The bytes at an offset.
---@param offset? integer bytes from the start, which is 0
---@param count? integer bytes; default: up to the end
---@return string
function SharedMemory:read(offset, count) end

---Writes bytes at an offset.
---@param offset integer
---@param bytes string
function SharedMemory:write(offset, bytes) end

---The address in this process, as light userdata.
---@return userdata
function SharedMemory:pointer() end

---Removes the name; open handles stay valid.
---@return boolean? unlinked true, or nil
---@return string? why "ENOENT: …"
function SharedMemory:unlink() end

---Releases this handle. Safe to call twice.
function SharedMemory:close() end
