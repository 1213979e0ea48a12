---@meta
-- SPDX-License-Identifier: MIT
-- The classes of shared memory, actors and managers: continues types.lua. Nothing here is run.

---One number in shared memory. Reads and writes never tear; each method is one atomic step.
---Only values that fit can be written: 256 does not fit into u8, nor 1.5 into an integer; f32 rounds. A u64 above
---2^63 - 1 is read as a float; on LuaJIT, so is any integer that a double cannot hold.
---@class manymoons.Value
---@field value number|string a string of one byte in a Value of char
local Value = {}

---Adds n.
---```lua
---local counter = mm.Value("i32", 5)
---assert(counter:add(2) == 7)
---assert(counter.value == 7)
---```
---@param n number
---@return number sum the new value. Raises, and changes nothing, if it does not fit.
function Value:add(n) end

---Compares and swaps: sets the value to new if it is old.
---```lua
---local state = mm.Value("u8", 0)
---assert(state:cas(0, 1))
---assert(not state:cas(0, 1) and state.value == 1)
---```
---@param old number
---@param new number
---@return boolean done true: the value was old, and is now new
function Value:cas(old, new) end

---Sets the value to new and returns the old one.
---```lua
---local state = mm.Value("i32", 5)
---assert(state:exchange(7) == 5)
---assert(state.value == 7)
---```
---@param new number
---@return number old
function Value:exchange(new) end

---Sets the value to x if x is greater.
---```lua
---local most = mm.Value("i32", 5)
---assert(most:max(7) == 7)
---assert(most:max(6) == 7)
---```
---@param x number
---@return number value the new value: the greater of both
function Value:max(x) end

---Sets the value to x if x is less.
---```lua
---local least = mm.Value("i32", 5)
---assert(least:min(3) == 3)
---assert(least:min(4) == 3)
---```
---@param x number
---@return number value the new value: the lesser of both
function Value:min(x) end

---The value's lock: the same for all callers, created at the first call. No method acquires it by itself.
---```lua
---local balance = mm.Value("i32", 5)
---balance:lock():with(function()
---  if balance.value >= 3 then balance.value = balance.value - 3 end
---end)
---assert(balance.value == 2)
---```
---@return manymoons.RLock
function Value:lock() end

---As lock, under Python's name.
---```lua
---local value = mm.Value("i32")
---assert(value:get_lock() == value:lock())
---```
---@return manymoons.RLock
function Value:get_lock() end

---The address in this process, for code in C; valid while the handle is open. In LuaJIT it is a pointer of the ffi to the
---type, `double *` of f64: elements are read and written at full speed, from 0 on, and without a check. Elsewhere it is
---light userdata.
---```lua
---local value = mm.Value("i32", 5)
---local pointer = value:pointer()
---assert(pointer == value:address() or pointer[0] == 5)
---```
---@return userdata|ffi.cdata*
function Value:pointer() end

---The same as light userdata in every Lua, for C functions that take one.
---```lua
---assert(type(mm.Value("i32", 5):address()) == "userdata")
---```
---@return userdata
function Value:address() end

---The type of the number, or of the elements.
---```lua
---assert(mm.Value("i32"):type() == "i32")
---assert(mm.Value("d"):type() == "f64") -- a letter of ctypes
---```
---@return string type "i32", …
function Value:type() end

---Releases this handle; the memory lives as long as any handle.
---```lua
---local value = mm.Value("i32", 5)
---value:close()
---assert(not pcall(value.add, value, 1))
---```
function Value:close() end

---a[i] from 1 to #a; another index raises an error that names it. The methods of a Value take the index first:
---a:add(i, n), a:cas(i, old, new). Use iter, not ipairs: ipairs reads one index past the end. An Array of char is text: its
---elements are strings of one byte, and its value is the text before the first zero byte.
---@class manymoons.Array: manymoons.Value
---@field [integer] number|string
---@field value string of an Array of char: its text. Setting it also sets a zero byte behind it, where there is room
local Array = {}

---Sets the elements from first to last to x.
---```lua
---local array = mm.Array("f64", 4):fill(1.5, 2, 3)
---assert(array[1] == 0 and array[2] == 1.5 and array[3] == 1.5 and array[4] == 0)
---```
---@param x number
---@param first? integer default 1
---@param last? integer default #a
---@return manymoons.Array self
function Array:fill(x, first, last) end

---The elements from first to last, as a list.
---```lua
---local array = mm.Array("i32", { 10, 20, 30 })
---local list = array:slice(2, 3)
---assert(#list == 2 and list[1] == 20)
---```
---@param first? integer
---@param last? integer
---@return number[]
function Array:slice(first, last) end

---The elements as bytes, in this machine's byte order.
---```lua
---local array = mm.Array("u8", { 72, 105, 33 })
---assert(array:bytes() == "Hi!" and array:bytes(1, 2) == "Hi")
---```
---@param first? integer
---@param last? integer
---@return string
function Array:bytes(first, last) end

---An Array of the elements from first to last, which are the same memory: nothing is copied. It may be sent, and costs
---the same at any size; what is said of indices holds within the view. The lock is that of the whole array. A view that
---begins or ends behind 4294967295 elements of a larger array cannot be sent.
---```lua
---local array = mm.Array("f64", 1000)
---local pool = mm.Pool(2)
---pool:map(function(part) part:fill(7) end, { array:view(1, 500), array:view(501) })
---assert(array[1] == 7 and array[1000] == 7)
---assert(#array:view(2, 4) == 3)
---```
---@param first? integer default 1
---@param last? integer default #a
---@return manymoons.Array
function Array:view(first, last) end

---Copies a list, another Array, or a string of whole elements into this one. Raises at the first element that does not
---fit; the elements before it are copied.
---```lua
---local array = mm.Array("i32", 4)
---array:copy({ 7, 8 }, 3)
---assert(array[3] == 7 and array[4] == 8 and array[1] == 0)
---```
---@param source number[]|string|manymoons.Array
---@param at? integer the index of the first element; default 1
---@return manymoons.Array self
function Array:copy(source, at) end

---An iterator over the indices and the elements. Unlike ipairs, it reads no index past the end.
---```lua
---local array = mm.Array("i32", { 10, 20, 30 })
---local sum = 0
---for i, x in array:iter() do sum = sum + i * x end
---assert(sum == 140)
---```
---@return fun(): integer, number
function Array:iter() end

---An Array of structures: a[i].x is a field of element i, and a[i] = { x = 1 } sets fields. Each field is read and written as an
---element of an Array of its type is. The layout is that of a struct in C, its size a multiple of its largest field's.
---An element may be kept, and sent; it is the memory, and no copy. `#a` is the number of elements where Lua has __len of tables (from 5.2 on).
---```lua
---local points = mm.Array({ x = "f64", id = "i32" }, 100)
---points[1].x, points[2] = 2.5, { x = 3, id = 7 }
---local worker = mm.Process(function() points[1].id = points[2].id end)
---worker:start()
---worker:join()
---assert(points[1].id == 7 and points[1].x == 2.5)
---```
---@class manymoons.StructArray
---@field [integer] table<string, number|string>
local StructArray = {}

---The number of elements.
---```lua
---assert(mm.Array({ x = "f64" }, 3):len() == 3)
---```
---@return integer
function StructArray:len() end

---The structure as C writes it. Fields stand in the order of a list, `{ { "id", "i32" }, { "x", "f64" } }`; else the largest first, and by
---name.
---```lua
---assert(mm.Array({ id = "i32", x = "f64" }, 3):type() == "struct { double x; int32_t id; }")
---```
---@return string
function StructArray:type() end

---Adds n to a field, as one step.
---```lua
---local hits = mm.Array({ count = "i64" }, 2)
---assert(hits:add(1, "count", 5) == 5 and hits[1].count == 5)
---```
---@param i integer
---@param field string
---@param n number
---@return number sum
function StructArray:add(i, field, n) end

---Sets a field to new if it is old.
---```lua
---local jobs = mm.Array({ state = "u8" }, 2)
---assert(jobs:cas(1, "state", 0, 1) and not jobs:cas(1, "state", 0, 1))
---```
---@param i integer
---@param field string
---@param old number|string
---@param new number|string
---@return boolean done
function StructArray:cas(i, field, old, new) end

---Sets a field and returns what it was.
---```lua
---local jobs = mm.Array({ state = "u8" }, 2)
---assert(jobs:exchange(1, "state", 3) == 0)
---```
---@param i integer
---@param field string
---@param new number|string
---@return number|string old
function StructArray:exchange(i, field, new) end

---Sets a field to x if x is greater.
---```lua
---local runs = mm.Array({ longest = "f64" }, 2)
---assert(runs:max(1, "longest", 0.5) == 0.5)
---```
---@param i integer
---@param field string
---@param x number
---@return number value
function StructArray:max(i, field, x) end

---Sets a field to x if x is less.
---```lua
---local runs = mm.Array({ shortest = "f64" }, { { shortest = 9 } })
---assert(runs:min(1, "shortest", 0.5) == 0.5)
---```
---@param i integer
---@param field string
---@param x number
---@return number value
function StructArray:min(i, field, x) end

---An iterator over the indices and the elements.
---```lua
---local points = mm.Array({ x = "f64" }, { { x = 1 }, { x = 2 } })
---local sum = 0
---for i, point in points:iter() do sum = sum + i * point.x end
---assert(sum == 5)
---```
---@return fun(): integer, table
function StructArray:iter() end

---The elements from first to last, which are the same memory.
---```lua
---local points = mm.Array({ x = "f64" }, 10)
---points:view(3, 4)[1].x = 7
---assert(points[3].x == 7)
---```
---@param first? integer
---@param last? integer
---@return manymoons.StructArray
function StructArray:view(first, last) end

---The elements as bytes.
---```lua
---assert(#mm.Array({ x = "f64", id = "i32" }, 10):bytes(1, 2) == 32)
---```
---@param first? integer
---@param last? integer
---@return string
function StructArray:bytes(first, last) end

---The lock of the array.
---```lua
---local points = mm.Array({ x = "f64", y = "f64" }, 10)
---points:lock():with(function() points[1] = { x = 1, y = 2 } end)
---assert(points[1].y == 2)
---```
---@return manymoons.RLock
function StructArray:lock() end

---The address: in LuaJIT a pointer of the ffi to the structure, so that `p[0].x` is the field of the first element; elsewhere as address.
---```lua
---local points = mm.Array({ x = "f64" }, 10)
---assert(points:pointer() == points:address() or points:pointer()[0].x == 0)
---```
---@return userdata|ffi.cdata*
function StructArray:pointer() end

---The address as light userdata.
---```lua
---assert(type(mm.Array({ x = "f64" }, 10):address()) == "userdata")
---```
---@return userdata
function StructArray:address() end

---Releases this handle, and the elements that it gave.
---```lua
---local points = mm.Array({ x = "f64" }, 10)
---points:close()
---assert(not pcall(function() return points[1].x end))
---```
function StructArray:close() end

---t[key] is read and written as in a table. Keys are strings and integers; values are all that can be sent except
---handles; nil removes a key. A read returns a copy: to change a nested table, set it again, or use update. A key hides a
---method of the same name. A death at any instant leaves each key with its old value or its new one.
---@class manymoons.Table
---@field [string|integer] any
local Table = {}

---Sets t[key] to the result of f(t[key], …), as one step among updates, but not among assignments.
---```lua
---local counts = mm.Table()
---local function add(old, n) return (old or 0) + n end
---assert(counts:update("words", add, 2) == 2)
---assert(counts:update("words", add, 3) == 5)
---```
---@param key string|integer
---@param f function
---@param ... any more arguments of f
---@return any value the result of f
function Table:update(key, f, ...) end

---Waits until f(t[key]) is true. f is called at once, and again after changes of the table, whoever makes them; it gets nil where there is
---no such key. A change that is undone before f is called again is not seen.
---```lua
---local jobs = mm.Table({ state = "new" })
---local worker = mm.Process(function() jobs.state = "done" end)
---worker:start()
---assert(jobs:wait_for("state", function(state) return state ~= "new" end) == "done")
---assert(select(2, jobs:wait_for("never", function(value) return value end, 0)) == "timeout")
---worker:join()
---```
---@param key string|integer
---@param f fun(value: any): any
---@param timeout? number seconds
---@return any value that for which f was true; nil with a reason
---@return string? why "timeout"
function Table:wait_for(key, f, timeout) end

---The number of keys; the same as #t.
---```lua
---local ages = mm.Table({ Ada = 36, Alan = 41 })
---assert(ages:len() == 2)
---ages.Ada = nil
---assert(ages:len() == 1)
---```
---@return integer
function Table:len() end

---The current keys, in no order.
---```lua
---local ages = mm.Table({ Ada = 36, Alan = 41 })
---local names = ages:keys()
---table.sort(names)
---assert(names[1] == "Ada" and names[2] == "Alan")
---```
---@return (string|integer)[]
function Table:keys() end

---An iterator over the keys that were there at the start and still are, with their values. So is pairs(t), where Lua has
---__pairs (from 5.2 on).
---```lua
---local ages = mm.Table({ Ada = 36, Alan = 41 })
---local sum = 0
---for name, age in ages:iter() do sum = sum + age end
---assert(sum == 77)
---```
---@return fun(): string|integer, any
function Table:iter() end

---The lock that update acquires: the same for all callers.
---```lua
---local purse = mm.Table({ coins = 5, apples = 0 })
---purse:lock():with(function()
---  purse.coins, purse.apples = purse.coins - 2, purse.apples + 1
---end)
---assert(purse.coins == 3 and purse.apples == 1)
---```
---@return manymoons.RLock
function Table:lock() end

---Releases this handle; the table lives as long as any handle.
---```lua
---local ages = mm.Table({ Ada = 36 })
---ages:close()
---assert(not pcall(function() return ages.Ada end))
---```
function Table:close() end

---A named block of bytes. It is sent as its name: each VM opens it at the first use.
---@class manymoons.SharedMemory
---@field name string under which any program opens it
---@field size integer bytes
local SharedMemory = {}

---The bytes at an offset.
---```lua
---local block = mm.SharedMemory({ create = true, size = 8 })
---block:write(0, "abcdefgh")
---assert(block:read(2, 3) == "cde" and block:read(6) == "gh")
---```
---@param offset? integer bytes from the start, which is 0
---@param count? integer bytes; default: up to the end
---@return string
function SharedMemory:read(offset, count) end

---Writes bytes at an offset.
---```lua
---local block = mm.SharedMemory({ create = true, size = 8 })
---block:write(4, "abcd")
---assert(block:read() == "\0\0\0\0abcd")
---assert(not pcall(block.write, block, 6, "abcd")) -- beyond the end
---```
---@param offset integer
---@param bytes string
function SharedMemory:write(offset, bytes) end

---The address in this process, as light userdata.
---```lua
---local block = mm.SharedMemory({ create = true, size = 8 })
---assert(type(block:pointer()) == "userdata") -- a char * for C
---```
---@return userdata
function SharedMemory:pointer() end

---Removes the name, so that it cannot be opened any more; open handles stay valid.
---```lua
---local block = mm.SharedMemory({ create = true, size = 8 })
---assert(block:unlink())
---assert(mm.SharedMemory({ name = block.name }) == nil)
---block:write(0, "is here")
---```
---@return boolean? unlinked true, or nil
---@return string? why "ENOENT: …"
function SharedMemory:unlink() end

---Releases this handle. Safe to call twice.
---```lua
---local block = mm.SharedMemory({ create = true, size = 8 })
---block:close()
---assert(not pcall(block.read, block))
---```
function SharedMemory:close() end

---The options of an actor.
---```lua
---local function make(start) return { start = function() return start end } end
---local actor = mm.Actor({ factory = make, args = { 5 }, name = "Starter", restart = "always" })
---assert(actor:start() == 5)
---assert(tostring(actor) == "Actor: Starter")
---actor:stop()
---```
---@class manymoons.ActorOptions
---@field factory fun(...: any): any called in the worker; returns the object
---@field args? any[] its arguments; with a field n if some are nil
---@field concurrent? integer how many calls run at once, as tasks of the worker: while one waits, others run; default 1
---@field restart? "always"|"never" "always": a new worker and a new object after each death, with pauses of at most 0.3 s
---between deaths that follow each other; given up after 12 starts that fail, or 220 deaths, within a minute. Default "never"
---@field maxsize? integer how many calls may wait in the mailbox, and further callers wait for room; default 0: no bound
---@field name? string default: Actor-1, Actor-2, …
---@field method? "fork"|"spawn"|"forkserver" for processes; default: that of mm.set_start_method
---@field memory? integer bytes of Lua memory, and of shared memory, as for a pool's workers
---@field libs? manymoons.Library[] as for a pool's workers
---@field nice? integer as for a pool's workers
---@field cpus? integer[] the numbers of the processors on which it runs, from 0 on; not for serial and async

---An actor: a handle on an object in a worker of its own. Any other name is a call of the object's method of that name:
---actor:name(…). A handle can be sent to other workers, where the actor's world is one whose workers have their own VM.
---@class manymoons.Actor
---@field [string] fun(self: manymoons.Actor, ...: any): any
local Actor = {}

---Begins a call of the method, and does not wait for it. A method whose name is one of the actor's own is called like this.
---```lua
---local actor = mm.Actor(function() return { twice = function(_, n) return 2 * n end } end)
---local first, second = actor:submit("twice", 1), actor:submit("twice", 2)
---assert(first:get() == 2 and second:get() == 4)
---actor:stop()
---```
---@param name string the method
---@param ... any its arguments
---@return manymoons.Future future cancel does nothing: it returns false
function Actor:submit(name, ...) end

---The same, where the results are not needed; an error of the method is reported on stderr. Like every call, it waits
---where the actor has a maxsize and there is no room.
---```lua
---local function counter()
---  local count = 0
---  return { add = function(_, n) count = count + n end, count = function() return count end }
---end
---local actor = mm.Actor(counter)
---for n = 1, 4 do actor:send("add", n) end
---assert(actor:count() == 10)
---actor:stop()
---```
---@param name string the method
---@param ... any its arguments
function Actor:send(name, ...) end

---Ends the actor, after the calls that came before; later ones fail with kind "died". Waits for its end, but not in a
---method of the actor itself.
---```lua
---local actor = mm.Actor(function() return { ping = function() return "pong" end } end)
---local last = actor:submit("ping")
---actor:stop()
---assert(last:get() == "pong")
---assert(select(2, pcall(actor.ping, actor)).kind == "died")
---```
---@param timeout? number seconds
---@return true? stopped true as well if it had ended; nil with a reason
---@return string? why "timeout"
function Actor:stop(timeout) end

---Releases this handle; that of the worker which made the actor stops it.
---```lua
---local actor = mm.Actor(function() return { ping = function() return "pong" end } end)
---actor:close()
---assert(not pcall(actor.ping, actor))
---```
function Actor:close() end

---m:dict{…}, m:list{…}, m:set{…}, m:Namespace(), m:Queue(n), m:PriorityQueue(n), m:Lock(), m:RLock(), m:RWLock(), m:Semaphore(n),
---m:BoundedSemaphore(n), m:Event(), m:Condition(), m:Barrier(n), m:Value(type, init), m:Array(type, list), and registered names: each creates an object on
---the server and returns a proxy. An error on the server is raised as an mm.Error, with the server's traceback; if the
---server is gone, its kind is "died".
---
---A proxy is read, written and called like its object. Reading a table gives a proxy, too: all clients see d.a[1] = 2.
---A method returns copies. dict and list have get, set, items, clear, copy, len, update; dict also has, keys, values,
---pop, popitem, setdefault; list also append, extend, insert, pop, sort, concat, reverse, index, count. A set has strings, numbers and booleans,
---and add, remove and discard (whether it was there), has, pop, len, values, update, clear, and union, intersection and difference with a list, which
---return lists. A key hides a method of the same name. Proxies can be sent.
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
---```lua
---local manager = mm.Manager()
---local queue = {}
---manager:register("todo", function() return queue end)
---manager:todo()[1] = "write"
---assert(manager:todo()[1] == "write") -- one object for all clients
---manager:close()
---```
---@param name string
---@param factory function sent to the server
function Manager:register(name, factory) end

---An iterator over the keys and values of the proxy's table, on every Lua; where Lua has __pairs (from 5.2 on), pairs(proxy)
---is the same.
---```lua
---local manager = mm.Manager()
---local sum = 0
---for name, age in manager:pairs(manager:dict({ Ada = 36, Alan = 41 })) do sum = sum + age end
---assert(sum == 77)
---manager:close()
---```
---@param proxy manymoons.Proxy
---@return fun(): any, any
function Manager:pairs(proxy) end

---Ends the server; after mm.connect, only the connection. Safe to call twice.
---```lua
---local manager = mm.Manager()
---local list = manager:list({ 1, 2 })
---manager:close()
---local is_ok, err = pcall(function() return list[1] end)
---assert(not is_ok and err.kind == "died")
---```
function Manager:close() end

---A proxy of a dict or list. update(f, …) calls f(object, …) on the server, as one step among all requests, and returns
---its results.
---@class manymoons.Proxy
local Proxy = {}

---```lua
---local manager = mm.Manager()
---local stock = manager:dict({ apples = 5 })
---local left = stock:update(function(t, n) t.apples = t.apples - n; return t.apples end, 2)
---assert(left == 3 and stock.apples == 3)
---manager:close()
---```
---@param f function|table with a table, update sets its pairs
---@param ... any arguments of f
---@return any ...
function Proxy:update(f, ...) end
