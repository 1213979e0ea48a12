---@meta manymoons
-- SPDX-License-Identifier: MIT
-- The classes of locks, shared memory, connections and managers: types.lua goes on here. Nothing here is run.

---When a thread, VM or process ends and holds a lock, the next one to acquire it is told: true, "abandoned". What the
---lock protects may be half changed then.
---@class manymoons.Lock
local Lock = {}

---@param timeout? number|boolean seconds; or, as in Python, acquire(block, timeout)
---@return boolean? acquired true, or nil
---@return string? why "timeout"; with true "abandoned", when a holder ended without a release
function Lock:acquire(timeout) end

---Any thread may release a Lock; an RLock its holder alone. Raises when nobody holds it.
function Lock:release() end

---@return boolean
function Lock:locked() end

---Calls f while the lock is held. An error of f's passes on, when the lock is free again.
---@param f function
---@param ... any arguments of f
---@return any ... what f returned
function Lock:with(f, ...) end

---@class manymoons.RLock: manymoons.Lock

---Permits belong to nobody: one thread may acquire and another one release. What a process that was killed, or a VM
---that failed, has acquired and not released comes back ("abandoned"), as far as there are fewer than at first; of a
---BoundedSemaphore also what one that ended well has.
---@class manymoons.Semaphore
local Semaphore = {}

---@param timeout? number|boolean as of a Lock
---@return boolean? acquired
---@return string? why as of a Lock
function Semaphore:acquire(timeout) end

---@param count? integer default 1. A BoundedSemaphore raises above what it had at first.
function Semaphore:release(count) end

---How many permits are free.
---@return integer
function Semaphore:get_value() end

---@param f function
---@return any ...
function Semaphore:with(f, ...) end

---A flag to wait for; mm.wait takes it, too.
---@class manymoons.Event
local Event = {}

---All who wait go on, also if it is cleared at once.
function Event:set() end
function Event:clear() end
---@return boolean
function Event:is_set() end
---@param timeout? number seconds
---@return boolean? set true, or nil
---@return string? why "timeout"
function Event:wait(timeout) end

---@class manymoons.Condition
local Condition = {}

---The lock's own methods.
function Condition:acquire(timeout) end
function Condition:release() end
function Condition:with(f, ...) end

---Releases the lock, waits to be notified, and acquires the lock again, as deep as it was. Raises if it is not held.
---@param timeout? number seconds, of the wait to be notified
---@return boolean? notified true, or nil
---@return string? why "timeout"; with true "abandoned", when a holder of the lock died meanwhile
function Condition:wait(timeout) end

---Waits until predicate() is true, asking at first and after each notification.
---@param predicate function
---@param timeout? number seconds
---@return any result what predicate returned last
function Condition:wait_for(predicate, timeout) end

---Lets the first `count` of those who wait go on. One that was notified and died before it went on does not count: the
---next is notified in its place. Raises if the lock is not held.
---@param count? integer default 1
function Condition:notify(count) end
function Condition:notify_all() end

---It breaks when a party gives up, when a thread or VM that has met there ends with an error, and when a process that
---has it is killed.
---@class manymoons.Barrier
---@field parties integer
---@field n_waiting integer
---@field broken boolean
local Barrier = {}

---@param timeout? number seconds; when they pass the barrier breaks
---@return integer? index 1 for who arrived first, to `parties` for who arrived last; or nil
---@return string? why "timeout"; "broken"
function Barrier:wait(timeout) end

---Breaks it: who waits or comes is told.
function Barrier:abort() end

---Makes it whole and empty; who waits is told that it was broken.
function Barrier:reset() end

---One number in shared memory. Reads and writes never tear; each method is one step that nobody comes between.
---Written is what fits: 256 does not fit into u8, nor 1.5 into an integer; f32 rounds. A u64 above 2^63 - 1 is read as
---a float; so is on LuaJIT what a double does not hold.
---@class manymoons.Value
---@field value number
local Value = {}

---@param n number
---@return number sum the new value. Raises, and changes nothing, when it does not fit.
function Value:add(n) end

---@param old number
---@param new number
---@return boolean done true: it was old, and is new
function Value:cas(old, new) end

---@param new number
---@return number old
function Value:exchange(new) end

---@param x number
---@return number value the greater of both, which it is now
function Value:max(x) end

---@param x number
---@return number value the lesser of both, which it is now
function Value:min(x) end

---The lock that belongs to it, the same for all who ask, made by who asks first. Nothing here takes it by itself.
---@return manymoons.RLock
function Value:lock() end

---The same, under Python's name.
---@return manymoons.RLock
function Value:get_lock() end

---Its address in this process, as light userdata, for LuaJIT's ffi or another C module; good while the handle is.
---@return userdata
function Value:pointer() end

---@return string type "i32", …
function Value:type() end

---This handle goes; the memory stays while anybody has one.
function Value:close() end

---a[i] from 1 to #a; another index raises, naming it. Value's methods take the index first: a:add(i, n), a:cas(i, old,
---new). Use iter, not ipairs: ipairs asks for the one behind the last.
---@class manymoons.Array: manymoons.Value
---@field [integer] number
local Array = {}

---@param x number
---@param first? integer default 1
---@param last? integer default #a
---@return manymoons.Array self
function Array:fill(x, first, last) end

---@param first? integer
---@param last? integer
---@return number[]
function Array:slice(first, last) end

---The elements as bytes, in this machine's order.
---@param first? integer
---@param last? integer
---@return string
function Array:bytes(first, last) end

---Copies a list, another Array, or a string of whole elements into this one. At the first element that does not fit it
---raises; those before it were copied.
---@param source number[]|string|manymoons.Array
---@param at? integer the index of the first; default 1
---@return manymoons.Array self
function Array:copy(source, at) end

---for i, x in a:iter() do … end
function Array:iter() end

---@class manymoons.Listener
---@field address string as others need it
local Listener = {}

---The next connection. Who says nothing, or nonsense, keeps nobody waiting, and is given up after 5 seconds.
---@param timeout? number seconds
---@return manymoons.Connection? connection nil with a reason
---@return string? why "timeout"; "authentication failed": one came, and could not prove its key
function Listener:accept(timeout) end

---@return integer descriptor to wait on
function Listener:fileno() end

---Safe to call twice.
function Listener:close() end

---m:dict{…}, m:list{…}, m:Namespace(), m:Queue(n), m:Lock(), m:RLock(), m:Semaphore(n), m:BoundedSemaphore(n), m:Event(),
---m:Condition(), m:Barrier(n), m:Value(type, init), m:Array(type, list), and what is registered: each makes an object on
---the server and returns a proxy. Its error is raised as an mm.Error, with the server's traceback; when the server is
---gone, of kind "died".
---
---A proxy is read, written and called like its object. A table that is read is a proxy, too: d.a[1] = 2 is seen by all.
---What a method returns is a copy. dict and list have get, set, items, clear, copy, len, update, dict has, keys, values,
---pop, list append, extend, insert, pop, sort, concat; a key comes before a method of its name. Proxies travel. On Lua
---5.1 and LuaJIT, where tables have no __len and __pairs, use p:len() and m:pairs(p). Locks that a client held when it
---ended are abandoned.
---@class manymoons.Manager
---@field pid integer? of the server, where it was started here
---@field address string
local Manager = {}

---From now on m:name(…) gives what factory(…) returns, on the server: a new object, or one that there is.
---@param name string
---@param factory function is sent to the server
function Manager:register(name, factory) end

---for key, value in m:pairs(proxy) do … end
function Manager:pairs(proxy) end

---Ends the server; of a manager that was connected to, only the connection. Safe to call twice.
function Manager:close() end

---A proxy of a dict or list: update(f, …) returns what f(object, …) returns, called on the server while nobody else is.
---@class manymoons.Proxy
local Proxy = {}

---@param f function|table a table: its pairs are set
---@return any ...
function Proxy:update(f, ...) end

---t[key] is read and written as a table's. Keys are strings and integers, values what can be sent but handles; nil
---removes. What is read is a copy: to change what is inside, set it again, or update. A key comes before a method of
---its name. A death at any instant leaves each key with its old value or its new one.
---@class manymoons.Table
---@field [string|integer] any
local Table = {}

---t[key] becomes what f(t[key], …) returns, while nobody else updates: one step among updates, not among assignments.
---@param key string|integer
---@param f function
---@return any value what f returned
function Table:update(key, f, ...) end

---How many keys there are; #t does the same.
---@return integer
function Table:len() end

---Those that are there now, in no order.
---@return (string|integer)[]
function Table:keys() end

---for key, value in t:iter() do … end: the keys that were there at first and still are
function Table:iter() end

---The lock that update takes, the same for all who ask.
---@return manymoons.RLock
function Table:lock() end

---This handle goes; the table stays while anybody has one.
function Table:close() end

---Travels as its name: each VM opens it when it needs it.
---@class manymoons.SharedMemory
---@field name string
---@field size integer bytes
local SharedMemory = {}

---@param offset? integer bytes from the start, which is 0
---@param count? integer bytes; default: all that follow
---@return string
function SharedMemory:read(offset, count) end

---@param offset integer
---@param bytes string
function SharedMemory:write(offset, bytes) end

---@return userdata
function SharedMemory:pointer() end

---The name goes; who has it open keeps it.
---@return boolean? unlinked true, or nil
---@return string? why "ENOENT: …"
function SharedMemory:unlink() end

---Safe to call twice.
function SharedMemory:close() end
