---@meta
-- SPDX-License-Identifier: MIT
-- Queues, connections and listeners: continues types.lua. Nothing here is run.

---The named arguments of a Queue, a JoinableQueue and a PriorityQueue.
---```lua
---local queue = mm.Queue({ maxsize = 1, max_bytes = 1000 })
---assert(queue:put("small"))
---assert(select(2, queue:put("more", 0)) == "full")
---```
---@class manymoons.QueueOptions
---@field maxsize? integer how many values fit; absent or 0: limited only by memory
---@field max_bytes? integer how many bytes the values have, as they are sent: put waits for room, and refuses at once a
---value that has more ("too large: …"). No limit in async and threads, where a queue passes the values themselves

---The named arguments of a Queue and a JoinableQueue on a broker, a Redis or Valkey server.
---<!-- example: not run -->
---```lua
---local queue = mm.Queue({ broker = "redis://127.0.0.1/0", name = "results", maxsize = 1000 })
---assert(queue:put({ id = 1 }))
---```
---@class manymoons.BrokerQueueOptions
---@field broker string the server, as in BrokerPoolOptions
---@field name string the queue's name: letters, digits, "_", "." and "-", at most 64
---@field maxsize? integer how many values may wait; absent or 0: limited only by the server's memory
---@field lease? number for a JoinableQueue: a value comes back if its taker has been gone for this many seconds; default: 15
---@field secret? string as in BrokerPoolOptions
---@field secret_file? string as in BrokerPoolOptions
---@field password_file? string as in BrokerPoolOptions

---A queue. A value is copied when it is put, so that the receiver does not see later changes; in threads and async the
---receiver gets the value itself. put returns when the value is in the queue, not before. If a process is killed while it
---uses the queue, at most the value that it was putting or taking is lost. Can be sent.
---A wait without a timeout that nobody can end, because no other handle of the queue exists, and no other thread, task or
---open pool of the VM, raises an mm.Error of kind "deadlock"; that of a daemon, which its parent's end ends, does not.
---@class manymoons.Queue
---@field maxsize integer how many values fit; 0: limited only by memory
local Queue = {}

---Puts a value, waiting for room. Raises for a value that cannot be sent, and then leaves the queue unchanged.
---```lua
---local queue = mm.Queue(1)
---assert(queue:put("first", 1))
---local put, why = queue:put("second", 0.01)
---assert(put == nil and why == "timeout")
---```
---@param value any nil, too
---@param timeout? number seconds
---@return boolean? put true, or nil
---@return string? why "timeout", "closed", or "full" with a timeout of 0
function Queue:put(value, timeout) end

---Takes the next value, waiting for one.
---```lua
---local queue = mm.Queue()
---queue:put({ name = "Ada" })
---assert(queue:get().name == "Ada")
---local value, why = queue:get(0.01)
---assert(value == nil and why == "timeout")
---```
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout"; "closed" once the queue is closed and empty; "empty" with a timeout of 0
function Queue:get(timeout) end

---Like put, without waiting.
---```lua
---local queue = mm.Queue(1)
---assert(queue:put_nowait("first"))
---assert(select(2, queue:put_nowait("second")) == "full")
---```
---@param value any
---@return boolean? put
---@return string? why "full" or "closed"
function Queue:put_nowait(value) end

---Like get, without waiting.
---```lua
---local queue = mm.Queue()
---assert(select(2, queue:get_nowait()) == "empty")
---queue:put(1)
---assert(queue:get_nowait() == 1)
---```
---@return any value
---@return string? why "empty" or "closed"
function Queue:get_nowait() end

---Puts the items of a list in their order, waiting for room. What was put before a timeout stays in the queue.
---```lua
---local queue = mm.Queue(2)
---assert(queue:put_many({ "a", "b" }))
---local put, why, count = queue:put_many({ "c" }, 0)
---assert(put == nil and why == "full" and count == 0)
---```
---@param list any[]
---@param timeout? number seconds, for all of them together
---@return boolean? put true, or nil
---@return string? why as of put
---@return integer? count how many were put, if not all were
function Queue:put_many(list, timeout) end

---Takes the first item, waiting for one, and up to n - 1 others that are there.
---```lua
---local queue = mm.Queue()
---queue:put_many({ 1, 2, 3 })
---local list = queue:get_many(2)
---assert(list.n == 2 and list[1] == 1 and list[2] == 2)
---```
---@param n integer 1 or more
---@param timeout? number seconds, for the first one
---@return any[]? list 1 to n items, with their number in the field `n`
---@return string? why as of get
function Queue:get_many(n, timeout) end

---The number of values in the queue, exact at the instant of the call.
---```lua
---local queue = mm.Queue()
---queue:put("first")
---queue:put("second")
---assert(queue:qsize() == 2)
---```
---@return integer
function Queue:qsize() end

---Whether the queue has no value.
---```lua
---local queue = mm.Queue()
---assert(queue:empty())
---queue:put(1)
---assert(not queue:empty())
---```
---@return boolean
function Queue:empty() end

---Whether the queue has no room.
---```lua
---local queue = mm.Queue(1)
---assert(not queue:full())
---queue:put(1)
---assert(queue:full())
---```
---@return boolean # always false without a maxsize
function Queue:full() end

---Closes the queue for all workers, as the end of a `<close>` variable does (Lua 5.4): it accepts no more values. Values
---in it can still be taken. Safe to call twice. Two handles of one queue are equal.
---```lua
---local queue = mm.Queue()
---queue:put("last")
---queue:close()
---assert(select(2, queue:put("more")) == "closed")
---assert(queue:get() == "last")
---assert(select(2, queue:get()) == "closed")
---```
function Queue:close() end

---Closes the queue, as Python's: with `immediate` also takes out what is in it, and reports it as done where that counts.
---```lua
---local queue = mm.Queue()
---queue:put("never seen")
---queue:shutdown(true)
---assert(select(2, queue:get()) == "closed" and select(2, queue:put(1)) == "closed")
---```
---@param immediate? boolean
function Queue:shutdown(immediate) end

---An iterator that takes values until the queue is closed and empty, or a nil arrives.
---```lua
---local queue = mm.Queue()
---for i = 1, 3 do queue:put(i) end
---queue:close()
---local sum = 0
---for value in queue:iter() do sum = sum + value end
---assert(sum == 6)
---```
---@return fun(): any
function Queue:iter() end

---A Queue without a maxsize.
---```lua
---local queue = mm.SimpleQueue()
---queue:put("first")
---assert(queue:get() == "first" and queue:empty())
---```
---@class manymoons.SimpleQueue: manymoons.Queue

---A Queue that counts unfinished values: call task_done once for each value that was taken, in the worker that took it or
---in another one. When a worker ends, in any way, the values it took and did not report are abandoned: join no longer
---waits for them.
---@class manymoons.JoinableQueue: manymoons.Queue
local JoinableQueue = {}

---Reports one taken value as done. Raises if all already are.
---```lua
---local queue = mm.JoinableQueue()
---queue:put("a job")
---queue:get()
---queue:task_done()
---assert(not pcall(queue.task_done, queue)) -- there was one job
---```
function JoinableQueue:task_done() end

---Waits until the queue is empty and all taken values are done or abandoned.
---```lua
---local queue = mm.JoinableQueue()
---queue:put("a job")
---assert(select(2, queue:join(0.01)) == "timeout")
---queue:get()
---queue:task_done()
---assert(queue:join())
---```
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"; with true, "abandoned" if values were abandoned since the last join of this handle
function JoinableQueue:join(timeout) end

---A Queue that gives the smallest item first, and of equal ones the one that was put first. A number or a string is its
---own priority, a list has that of its first item; numbers come before strings, and strings compare byte by byte. Any item
---may be given a priority of its own, by which it is then sorted alone.
---```lua
---local queue = mm.PriorityQueue()
---for _, item in ipairs({ { 2, "code" }, { 1, "eat" }, { 1, "drink" } }) do queue:put(item) end
---queue:put(print, { priority = 3 })
---assert(queue:get()[2] == "eat" and queue:get()[2] == "drink" and queue:get()[2] == "code")
---assert(queue:get() == print and queue.maxsize == 0)
---```
---@class manymoons.PriorityQueue: manymoons.Queue
local PriorityQueue = {}

---The named arguments of PriorityQueue:put.
---```lua
---local queue = mm.PriorityQueue(1)
---queue:put("job", { priority = 1 })
---assert(select(2, queue:put("another", { priority = 2, timeout = 0 })) == "full")
---```
---@class manymoons.PriorityOptions
---@field priority? number|string the item's priority: the smallest comes first; default: that of the item itself
---@field timeout? number seconds

---Puts an item, waiting for room.
---```lua
---local queue = mm.PriorityQueue()
---queue:put(7)
---queue:put({ 3, "a job" })
---queue:put(print, { priority = 5 })
---assert(queue:get()[2] == "a job" and queue:get() == print and queue:get() == 7)
---```
---@param value any a number, a string, or a list that begins with one; with a priority anything
---@param options? number|manymoons.PriorityOptions seconds, or the options
---@return boolean? put true, or nil
---@return string? why "timeout", "closed", or "full" with a timeout of 0
function PriorityQueue:put(value, options) end

---Like put, without waiting.
---```lua
---local queue = mm.PriorityQueue(1)
---assert(queue:put_nowait("a job", { priority = 1 }))
---assert(select(2, queue:put_nowait(2)) == "full")
---```
---@param value any
---@param options? manymoons.PriorityOptions
---@return boolean? put
---@return string? why "full" or "closed"
function PriorityQueue:put_nowait(value, options) end

---One end of a pipe, for one reader and one writer at a time. Can be sent. When every holder of the other end
---has closed it or died, recv returns the remaining messages and then the end of file: nil, "closed".
---@class manymoons.Connection
---@field closed boolean whether this handle was closed
---@field readable boolean whether this end receives: false of the second end of a one-way pipe
---@field writable boolean whether this end sends: false of the first end of a one-way pipe
local Connection = {}

---Sends a copy of a value, waiting for room. Raises for a value that cannot be sent.
---```lua
---local here, there = mm.Pipe()
---assert(here:send({ 1, 2, 3 }))
---assert(there:recv()[3] == 3)
---there:close()
---assert(select(2, here:send("more")) == "closed")
---```
---@param value any
---@return boolean? sent true, or nil
---@return string? why "closed": the other end is closed
function Connection:send(value) end

---Receives the next value. Raises, and takes nothing, if the next message was sent by send_bytes.
---```lua
---local here, there = mm.Pipe()
---assert(select(2, here:recv(0.01)) == "timeout")
---there:send("last")
---there:close()
---assert(here:recv() == "last")
---assert(select(2, here:recv()) == "closed")
---```
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout" or "closed"
function Connection:recv(timeout) end

---Whether recv would return at once, with a value or the end of file.
---```lua
---local here, there = mm.Pipe()
---assert(not here:poll())
---there:send(1)
---assert(here:poll(60))
---```
---@param timeout? number seconds to wait until it would; absent: does not wait
---@return boolean
function Connection:poll(timeout) end

---Sends bytes unencoded, for recv_bytes.
---```lua
---local here, there = mm.Pipe()
---assert(here:send_bytes("\0\1\2"))
---assert(there:recv_bytes() == "\0\1\2")
---here:send_bytes("moonlight", 4, 3)
---assert(there:recv_bytes() == "lig")
---```
---@param bytes string
---@param offset? integer where the part to send begins, from 0 on; default: 0
---@param size? integer how many bytes it has; default: up to the end
---@return boolean? sent
---@return string? why "closed"
function Connection:send_bytes(bytes, offset, size) end

---Receives the next bytes. Raises, and takes nothing, if the next message was sent by send.
---```lua
---local here, there = mm.Pipe()
---here:send_bytes("raw")
---assert(not pcall(there.recv, there)) -- these are bytes, and stay
---assert(select(2, there:recv_bytes(0, 2)) == "too large: the next message has 3 bytes, and the limit is 2")
---assert(there:recv_bytes() == "raw")
---```
---@param timeout? number seconds
---@param limit? integer how many bytes are taken at most: a message with more stays for the next call
---@return string? bytes
---@return string? why "timeout", "closed" or "too large: …"
function Connection:recv_bytes(timeout, limit) end

---A descriptor that is readable when recv would not wait, for another event loop. The connection keeps owning it;
---only poll it.
---```lua
---local here, there = mm.Pipe()
---there:send(1)
---assert(mm.wait({ here:fileno() }, 60)[1] == here:fileno())
---```
---@return integer
function Connection:fileno() end

---Closes this end. Safe to call twice; any other use afterwards raises. A recv or send of this VM that waits meanwhile
---returns nil, "closed".
---```lua
---local here, there = mm.Pipe()
---here:close()
---assert(select(2, there:recv()) == "closed")
---```
function Connection:close() end

---A descriptor that travels. Collecting it closes it.
---@class manymoons.Descriptor
local Descriptor = {}

---The number of the descriptor, which stays the handle's to close. `mm.wait` takes it.
---```lua
---local output = mm.Descriptor(1)
---assert(output:fileno() > 2)
---output:close()
---```
---@return integer
function Descriptor:fileno() end

---The number of the descriptor, which the caller has to close from now on, or some code that gets it; the handle is closed.
---```lua
---local output = mm.Descriptor(1)
---local number = output:detach() -- for a library that closes it
---assert(number > 2 and not pcall(output.fileno, output))
---```
---@return integer
function Descriptor:detach() end

---Closes it here; copies in other workers stay open. Safe to call twice.
---```lua
---local output = mm.Descriptor(1)
---output:close()
---assert(not pcall(output.fileno, output))
---```
function Descriptor:close() end

---Waits for connections at an address. Can be sent to other workers of the program.
---@class manymoons.Listener
---@field address string the address to connect to
local Listener = {}

---The next connection. A client that sends nothing or garbage is dropped after 5 s without blocking others, and sooner
---where there are so many of them that they would keep others out.
---```lua
---local listener = mm.Listener()
---assert(select(2, listener:accept(0.01)) == "timeout")
---local worker = mm.Process(function(address) mm.Client(address):send("hello") end, listener.address)
---worker:start()
---local connection = listener:accept()
---assert(connection:recv() == "hello")
---worker:join()
---```
---@param timeout? number seconds
---@return manymoons.Connection? connection nil with a reason
---@return string? why "timeout"; "authentication failed": a client could not prove that it has the key; "EMFILE: …":
---there was no descriptor for a client all the time (without a timeout, for a second)
function Listener:accept(timeout) end

---A descriptor that is readable when a client connects; only poll it.
---```lua
---local listener = mm.Listener()
---local worker = mm.Process(mm.Client, listener.address)
---worker:start()
---mm.wait({ listener:fileno() })
---assert(listener:accept(60)) -- a client is there
---worker:join()
---```
---@return integer descriptor
function Listener:fileno() end

---Stops listening. Safe to call twice.
---```lua
---local listener = mm.Listener()
---listener:close()
---assert(mm.Client(listener.address) == nil)
---```
function Listener:close() end
