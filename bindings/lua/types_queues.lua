---@meta
-- SPDX-License-Identifier: MIT
-- Queues, connections and listeners: continues types.lua. Nothing here is run.

---@class manymoons.QueueOptions
---@field maxsize? integer how many values fit; absent or 0: limited only by memory
---@field max_bytes? integer how many bytes the values have, as they are sent: put waits for room, and refuses at once a
---value that has more ("too large: …"). No limit in serial, async and threads, where a queue passes the values themselves

---A queue on a broker.
---@class manymoons.BrokerQueueOptions
---@field broker string as above
---@field name string as above
---@field maxsize? integer how many values may wait; absent or 0: limited only by the server's memory
---@field lease? number for a JoinableQueue: a value comes back if its taker has been gone for this many seconds; default: 15
---@field secret? string as above
---@field secret_file? string as above
---@field password_file? string as above

---A queue. A value is copied when it is put: the receiver does not see later changes. put returns when
---the value is in the queue, not before. If a process is killed while it uses the queue, at most the value that it
---was putting or taking is lost. Can be sent.
---A wait without a timeout that nobody can end, because no other handle of the queue exists, and no other thread, task or
---open pool of the VM, raises an mm.Error of kind "deadlock"; that of a daemon, which its parent's end ends, does not.
---@class manymoons.Queue
local Queue = {}

---Puts a value, waiting for room. Raises for a value that cannot be sent, and then leaves the queue unchanged.
---@param value any nil, too
---@param timeout? number seconds
---@return boolean? put true, or nil
---@return string? why "timeout", "closed", or "full" with a timeout of 0
function Queue:put(value, timeout) end

---Takes the next value, waiting for one.
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout"; "closed" once the queue is closed and empty; "empty" with a timeout of 0
function Queue:get(timeout) end

---Like put, without waiting.
---@param value any
---@return boolean? put
---@return string? why "full" or "closed"
function Queue:put_nowait(value) end

---Like get, without waiting.
---@return any value
---@return string? why "empty" or "closed"
function Queue:get_nowait() end

---The number of values in the queue, exact at the instant of the call.
---@return integer
function Queue:qsize() end

---Whether the queue has no value.
---@return boolean
function Queue:empty() end

---Whether the queue has no room.
---@return boolean # always false without a maxsize
function Queue:full() end

---Closes the queue for all workers, as the end of a `<close>` variable does (Lua 5.4): it accepts no more values. Values
---in it can still be taken. Safe to call twice. Two handles of one queue are equal.
function Queue:close() end

---Takes values until the queue is closed and empty, or a nil arrives: for value in queue:iter() do … end
---@return fun(): any
function Queue:iter() end

---A Queue without a maxsize.
---@class manymoons.SimpleQueue: manymoons.Queue

---A Queue that counts unfinished values: call task_done once for each value that was taken, in the worker that took it or
---in another one. When a worker ends, in any way, the values it took and did not report are abandoned: join no longer
---waits for them.
---@class manymoons.JoinableQueue: manymoons.Queue
local JoinableQueue = {}

---Reports one taken value as done. Raises if all already are.
function JoinableQueue:task_done() end

---Waits until the queue is empty and all taken values are done or abandoned.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"; with true, "abandoned" if values were abandoned since the last join of this handle
function JoinableQueue:join(timeout) end

---One end of a pipe, for one reader and one writer at a time. Can be sent. When every holder of the other end
---has closed it or died, recv returns the remaining messages and then the end of file: nil, "closed".
---@class manymoons.Connection
local Connection = {}

---Sends a copy of a value, waiting for room. Raises for a value that cannot be sent.
---@param value any
---@return boolean? sent true, or nil
---@return string? why "closed": the other end is closed
function Connection:send(value) end

---Receives the next value. Raises, and takes nothing, if the next message was sent by send_bytes.
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout" or "closed"
function Connection:recv(timeout) end

---Whether recv would return at once, with a value or the end of file.
---@param timeout? number seconds to wait until it would; absent: does not wait
---@return boolean
function Connection:poll(timeout) end

---Sends bytes unencoded, for recv_bytes.
---@param bytes string
---@return boolean? sent
---@return string? why "closed"
function Connection:send_bytes(bytes) end

---Receives the next bytes. Raises, and takes nothing, if the next message was sent by send.
---@param timeout? number seconds
---@return string? bytes
---@return string? why "timeout" or "closed"
function Connection:recv_bytes(timeout) end

---A descriptor that is readable when recv would not wait, for another event loop. The connection keeps owning it;
---only poll it.
---@return integer
function Connection:fileno() end

---Closes this end. Safe to call twice; any other use afterwards raises. A recv or send of this VM that waits meanwhile
---returns nil, "closed".
function Connection:close() end

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
