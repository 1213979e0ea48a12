---@meta manymoons
-- SPDX-License-Identifier: MIT
-- What a script can use, as LuaCATS types: the source of the Lua reference, and of completion in editors.
-- Nothing here is run. Times are seconds. What the world may do comes back as nil and a word ("timeout",
-- "closed", …); wrong use raises.

---Lua interpreters side by side: in the caller (`serial`), in tasks (`async`) or threads of its VM, in threads with a VM each
---(`interpreters`), or in processes.
---
---A name that is not below, `Pool`, `Process`, `Queue`, `Pipe`, … is that of the default world: `mm.Pool` is
---`mm.world(mm.current_world()).Pool`, looked up each time.
---@class manymoons: manymoons.World
---@field version string for instance "0.1.0"
---@field worlds manymoons.WorldName[] the names of all worlds
---@field serial manymoons.World each worker is a plain call, made at once in the caller
---@field async manymoons.Async each worker is a task, a coroutine of the caller's thread that runs until it waits: values are shared
---@field threads manymoons.World each worker is a thread of this VM: values are shared, threads take turns under its lock
---@field interpreters manymoons.World each worker is a thread with a VM of its own; values are copied
---@field processes manymoons.World each worker is a process: as interpreters, and a crash stays in the worker
---@field Error table the metatable of the errors that come from workers
local mm = {}

---@alias manymoons.WorldName "serial"|"async"|"threads"|"interpreters"|"processes"

---A world by its name.
---@param name manymoons.WorldName
---@return manymoons.World # the same table each time; raises for a name that no world has
function mm.world(name) end

---Makes a world the default, here and in the workers started from now on. Before, it is the one that
---`manymoons --world NAME` or the variable MANYMOONS_WORLD says, and else "processes".
---@param name manymoons.WorldName
function mm.set_world(name) end

---The name of the default world; in a worker, that of the program that started it.
---@return manymoons.WorldName
function mm.current_world() end

---Records what happens when, in all workers, until `mm.trace(nil)` or the program's end, and writes it to `path` then: JSON in
---Chrome's trace event format, times in microseconds. For the main program alone; one recording at a time.
---@param path? string nil: the recording ends
---@param options? { limit?: integer } how many events are kept (8 Mi); those after them are counted
---@return true? ok, string? why what cannot be: no such folder, "a recording is under way", "nothing is recorded"
function mm.trace(path, options) end

---The lock of this VM, under which the threads of the world `threads` take turns.
---@param options? { schedule?: "fair"|"legacy" } who is next: "fair" (the default), a queue in which threads with short
---turns go first; "legacy", CPython's. The variable MANYMOONS_GIL chooses for a whole program.
---@return manymoons.Gil
function mm.gil(options) end

---@class manymoons.Gil
---@field threads integer that are in this VM, the main one included
---@field takes integer how often the lock was taken
---@field contended integer takes that had to wait
---@field switches integer takes by another thread than the one before
---@field requests integer how often somebody who waited asked the holder to make way
---@field forced integer how often the holder made way because of that
---@field held number seconds that the lock was held, in all
---@field waited number seconds that threads waited for it, in all
---@field longest { seconds: number, traceback: string } the longest hold so far, and where it ended
---@field interval number seconds; see setswitchinterval
---@field schedule "fair"|"legacy"
---@field preemptible boolean false where a thread gives way only when it waits: LuaJIT runs no hooks in compiled code

---How long a thread may hold the lock while others wait, 0.005 at first. For this VM.
---@param seconds number above 0
function mm.setswitchinterval(seconds) end

---@return number seconds
function mm.getswitchinterval() end

---A clock that never goes back, in seconds; only differences mean something.
---@return number seconds
function mm.time() end

---A value as bytes, for `loads` in a program of the same version. Raises "cannot send …", with the path to
---the culprit, for coroutines, userdata, handles such as queues, and tables whose metatable is not known by
---name.
---@param value any
---@return string bytes
function mm.dumps(value) end

---The value that `dumps` made bytes of. Any bytes may be given: those that are malformed, of another version,
---or hold functions without `functions = true`, raise. Functions among them come from whoever made the bytes,
---and are run as code.
---@param bytes string
---@param options? { functions?: boolean } functions: accept functions as well
---@return any value
function mm.loads(bytes, options) end

---Gives a class a name, by which tables with this metatable travel. Do so before workers are started, or in
---each of them: the receiver uses the metatable that it knows by that name.
---@param name string
---@param metatable table
function mm.register(name, metatable) end

---A manager that another process or host has started.
---@param address string|{ [1]: string, [2]: integer }
---@param authkey string
---@return manymoons.Manager? manager nil with a reason
---@return string? why "authentication failed", …
function mm.connect(address, authkey) end

---What each world has under the same names.
---@class manymoons.World
---@field name manymoons.WorldName
local World = {}

---A worker that runs one function. It starts with `start`.
---@param target function|table called with the arguments; a table must have __call
---@param ... any the arguments, copied at start
---@return manymoons.Process
---@overload fun(options: manymoons.ProcessOptions): manymoons.Process
function World.Process(target, ...) end

---Workers that run many calls. They start at once.
---@param workers? integer how many; cpu_count() if absent
---@param initializer? function called first in each worker; if it raises, so does Pool
---@param initargs? any[] its arguments
---@param maxtasksperchild? integer a worker is replaced after so many calls
---@return manymoons.Pool
---@overload fun(options: manymoons.PoolOptions): manymoons.Pool
---@overload fun(options: manymoons.EnginePoolOptions): manymoons.Pool
function World.Pool(workers, initializer, initargs, maxtasksperchild) end

---A queue for any number of producers and consumers, in any worlds of this program.
---@param maxsize? integer how many values fit; absent or 0: as many as there is memory for
---@return manymoons.Queue
---@overload fun(options: manymoons.EngineQueueOptions): manymoons.Queue
function World.Queue(maxsize) end

---A queue without a bound.
---@return manymoons.SimpleQueue
function World.SimpleQueue() end

---A queue that can be joined: waited for until all that was put is done.
---@param maxsize? integer how many values fit; absent or 0: as many as there is memory for
---@return manymoons.JoinableQueue
---@overload fun(options: manymoons.EngineQueueOptions): manymoons.JoinableQueue
function World.JoinableQueue(maxsize) end

---Two connections: what one sends the other receives.
---@param duplex? boolean false: the first only receives, the second only sends
---@return manymoons.Connection first
---@return manymoons.Connection second
function World.Pipe(duplex) end

---A mutual exclusion lock, for all who have it.
---@return manymoons.Lock
function World.Lock() end

---A lock that its holder, one thread of one VM, may take again; it is free after as many releases.
---@return manymoons.RLock
function World.RLock() end

---@param permits? integer free ones at first, 0 or more; default 1
---@return manymoons.Semaphore
function World.Semaphore(permits) end

---A semaphore that refuses to have more permits than at first.
---@param permits? integer default 1
---@return manymoons.Semaphore
function World.BoundedSemaphore(permits) end

---@return manymoons.Event
function World.Event() end

---@param lock? manymoons.Lock default: an RLock of its own
---@return manymoons.Condition
function World.Condition(lock) end

---@param parties integer 1 to 10000, or a table { parties =, action =, timeout = }
---@param action? function is called by the last one to arrive, while the others still wait
---@param timeout? number seconds, of each wait that has none of its own
---@return manymoons.Barrier
function World.Barrier(parties, action, timeout) end

---One number in shared memory.
---@param type string "i8" "u8" "i16" "u16" "i32" "u32" "i64" "u64" "f32" "f64", or ctypes' letter for it
---@param initial? number default 0
---@return manymoons.Value
function World.Value(type, initial) end

---Numbers of one type in shared memory. Raises "too large" above 4 GiB, and "ENOMEM: …" where there is no memory.
---@param type string as for Value
---@param source integer|number[] how many, all 0; or a list
---@return manymoons.Array
function World.Array(type, source) end

---A table in shared memory, of all workers, without a server.
---@param source? table its pairs are set
---@return manymoons.Table
function World.Table(source) end

---A named block of bytes, that other programs can open: POSIX shared memory, Python's multiprocessing.shared_memory.
---What the program itself makes is unlinked when it ends, unless `keep`; what a worker makes stays until unlink.
---@param options { name?: string, create?: boolean, size?: integer, keep?: boolean } size in bytes, with create
---@return manymoons.SharedMemory? block nil with a reason
---@return string? why "EEXIST: …", "ENOENT: …", …
function World.SharedMemory(options) end

---Waits for connections of other programs, or of other processes of this one.
---@param address? string|{ [1]: string, [2]: integer } "/path", "@name" (abstract), "host:port" or { host, port }, port 0
---for any; absent: an abstract name that only processes of this user may connect to
---@param options? { authkey?: string, max_message?: integer } max_message in bytes, at most 2^31
---@return manymoons.Listener? listener nil with a reason
---@return string? why "EADDRINUSE: …", …
function World.Listener(address, options) end

---Connects to a Listener. With an authkey both sides prove that they have it (HMAC-SHA256); without one functions are
---refused. What is sent then is neither encrypted nor signed: use addresses that only friends can reach.
---@param address string|{ [1]: string, [2]: integer }
---@param options? { authkey?: string, timeout?: number, max_message?: integer } timeout in seconds, default 20
---@return manymoons.Connection? connection nil with a reason
---@return string? why "authentication failed", "ECONNREFUSED: …", "timeout", …
function World.Client(address, options) end

---A server that holds Lua objects for all, in a worker of the world; in serial in the caller. It ends with close, or
---with the program.
---@param options? { address?: string, authkey?: string } as of a Listener; for others to connect
---@return manymoons.Manager
function World.Manager(options) end

---Waits until one of many things is ready: a queue or connection from which something, or its end, can be had
---without waiting; a process that has ended; a future that is done; a descriptor that can be read. Another taker may
---be faster: use get_nowait or a timeout on what was ready.
---@param things (manymoons.Queue|manymoons.Connection|manymoons.Process|manymoons.Future|manymoons.Task|integer)[] any mixture
---@param timeout? number|{ timeout?: number } seconds; absent: for ever; 0: a look
---@return any[] ready those that are ready, in the order given; empty if none is in time
---@return string? why "timeout" with an empty list
function World.wait(things, timeout) end

---The futures of a list as they are done: an iterator. Raises if not all are in time.
---@param futures manymoons.Future[]
---@param timeout? number seconds for all of them
---@return fun(): manymoons.Future?
function World.as_completed(futures, timeout) end

---Waits; never less than asked for.
---@param seconds number 0 or more
function World.sleep(seconds) end

---How many processors this program may use; or what the environment variable MANYMOONS_WORKERS says.
---@return integer
function World.cpu_count() end

---Who runs here: in the program itself a table named "MainProcess".
---@return manymoons.Who
function World.current_process() end

---Who started this worker; nil in the program itself.
---@return manymoons.Who?
function World.parent_process() end

---The processes that this one has started and that have not ended.
---@return manymoons.Process[]
function World.active_children() end

---A worker, as it is seen from inside.
---@class manymoons.Who
---@field name string
---@field pid integer of the operating-system process; interpreters share that of their program
---@field daemon? boolean

---@class manymoons.ProcessOptions
---@field target function|table called in the worker
---@field args? any[] its arguments; with a field n where some are nil
---@field name? string default: Process-1, Process-2, …; of a child of Process-1: Process-1:1, …
---@field daemon? boolean terminated, not joined, when the program ends
---@field method? "fork"|"spawn"|"forkserver" of processes; default: fork if this process has one thread, and the host is
---manymoons or a stand-alone Lua; else forkserver
---@field memory? integer bytes of Lua memory, as of a pool's workers
---@field timeout? number how long it may run, seconds: after that it ends with exitcode -14
---@field libs? manymoons.Library[] as of a pool's workers
---@field nice? integer as of a pool's workers

---A worker that runs one function. A process nobody refers to goes on; it is joined when the program ends.
---@class manymoons.Process
---@field name string may be set before start
---@field daemon boolean may be set before start
---@field pid? integer nil before start
---@field exitcode? integer nil while alive; 0 fine, 1 an uncaught error, N of os.exit(N), -N of signal N
---@field sentinel? integer a descriptor, readable once it has ended; absent where there are no processes
local Process = {}

---Starts it. Raises if it was started before, if the function or an argument cannot be sent, or if the system
---refuses.
function Process:start() end

---Waits for its end.
---@param timeout? number seconds; absent: for ever; 0: does not wait
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Process:join(timeout) end

---@return boolean
function Process:is_alive() end

---Asks it to end: SIGTERM for a process, an error at its next step for an interpreter. Does not wait.
function Process:terminate() end

---Ends it: SIGKILL for a process; an interpreter cannot be killed and is terminated. Does not wait.
function Process:kill() end

---Gives back what it holds. Raises while it runs; safe to call twice. exitcode and pid can still be read.
function Process:close() end

---@class manymoons.PoolOptions
---@field workers? integer
---@field initializer? function
---@field initargs? any[]
---@field maxtasksperchild? integer
---@field name? string workers are called NAME-1, NAME-2, …; default: PoolWorker
---@field memory? integer of interpreters and processes: bytes of Lua memory for each worker. A call that wants more fails with
---"not enough memory", and the worker goes on
---@field timeout? number seconds for each item, where the call's options say no other
---@field libs? manymoons.Library[] of interpreters and processes: which standard libraries workers have, beside base, string,
---table, math, utf8 and coroutine without what loads files or bytecode; default: all
---@field nice? integer of interpreters and processes: 0 to 19, larger ones give way to other threads; 10 keeps a game's frames
---where they are

---A pool on a Redis or Valkey server, served by `manymoons worker`. Making one raises if the server cannot be reached,
---refuses, or would evict keys.
---@class manymoons.EnginePoolOptions
---@field engine string "redis://user:password@host:port/database", "rediss://…?ca=FILE&cert=FILE&key=FILE" or "unix:///path"
---@field name string of the pool: letters, digits, "_", "." and "-", at most 64
---@field workers? integer a guess of how many calls run at once, until the workers have said
---@field initializer? function called in each worker before the first task; if it raises, so do the tasks
---@field initargs? any[]
---@field timeout? number seconds for each item, where the call's options say no other
---@field retries? integer how often a task whose worker was lost runs again; default: 2. 0: at most once
---@field window? integer how many tasks may be under way before submitting waits; default: 1000
---@field secret? string 16 characters or more, with which tasks are signed; several lines: the first signs, all are accepted
---@field secret_file? string a file with that, which nobody else may read. Without either: MANYMOONS_SECRET,
---MANYMOONS_SECRET_FILE, or for a server on this machine a secret of this user
---@field abi_wait? number seconds until functions fail of which no worker has the Lua; default: 30

---A queue on such a server.
---@class manymoons.EngineQueueOptions
---@field engine string as above
---@field name string as above
---@field maxsize? integer how many values may wait; absent or 0: as many as the server has memory for
---@field lease? number of a JoinableQueue: seconds until what was taken by a program that is gone comes back; default: 15
---@field secret? string as above
---@field secret_file? string as above

---A task that was given up.
---@class manymoons.DeadLetter
---@field id string for Pool:retry
---@field why string
---@field who string the worker that gave it up
---@field at number seconds since 1970
---@field f string its function

---@alias manymoons.Library "safe"|"io"|"os"|"package"|"debug"|"ffi"|"all"

---@class manymoons.CallOptions
---@field timeout? number seconds that one call may run. It then fails with kind "timeout", and its worker is stopped and
---replaced: an interpreter within milliseconds while it runs Lua (a C function or a loop that LuaJIT compiled is left
---alone, in a thread that nobody waits for), a process always. In the serial world calls that do not run Lua end first.
---@field retries? integer how often a call whose worker died runs again before it fails with kind "died"; default: 0, on an
---engine 2

---@class manymoons.MapOptions : manymoons.CallOptions
---@field chunksize? integer how many items a worker takes at once; default: adapts to what they cost and what is left
---@field progress? boolean|function true: a bar on stderr where that is a terminal, else a line each 5 s; or f(done, total)

---@class manymoons.ImapOptions : manymoons.MapOptions
---@field window? integer how many items are read ahead of the results given out; default: 4 for each worker, or one chunk

---@class manymoons.CallbackOptions : manymoons.CallOptions
---@field callback? function is called with the results, while the caller waits for something of this pool
---@field error_callback? function is called with the mm.Error

---@class manymoons.MapCallbackOptions : manymoons.MapOptions
---@field callback? function is called with the list of results
---@field error_callback? function is called with the mm.Error

---@class manymoons.WorkerStats
---@field name string
---@field pid integer
---@field tasks integer calls that have ended
---@field busy number seconds in calls
---@field waiting number seconds without one, since it first asked for work
---@field startup number seconds until it first asked for work
---@field bytes_in integer what came in for calls; 0 where nothing is copied
---@field bytes_out integer

---Workers that run many calls. A worker that dies (is killed, calls os.exit, runs out of memory) fails the call it was
---running with kind "died", or `retries` lets it run again; the others go on, and a new worker takes its place. A pool
---belongs to the process that made it and cannot be sent. It is terminated when it is collected or (Lua 5.4) goes out
---of a `<close>` scope. Deaths, time-outs and callbacks are seen to while the script waits: for the pool or anything.
---@class manymoons.Pool
local Pool = {}

---f of each item, in order. Raises the mm.Error of the first item that failed, after all were run: its field `results`
---has those of the others, its field `errors` all that failed, by index.
---@param f function|table
---@param list any[] with a field n where some are nil
---@param options? manymoons.MapOptions
---@return any[] results the first result of each call; nil where there was none
function Pool:map(f, list, options) end

---As map, with each item a list of arguments.
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapOptions
---@return any[] results
function Pool:starmap(f, list, options) end

---Results as they are asked for, in order: an iterator. It raises the mm.Error of an item that failed, and goes on with
---the next one. A result of nil comes as false.
---@param f function|table
---@param items any[]|function a list, or a function that returns the next item, until nil
---@param options? manymoons.ImapOptions
---@return fun(): any
function Pool:imap(f, items, options) end

---As imap, in the order in which they are done.
---@param f function|table
---@param items any[]|function
---@param options? manymoons.ImapOptions
---@return fun(): any
function Pool:imap_unordered(f, items, options) end

---As map, not waited for: a future of the list.
---@param f function|table
---@param list any[]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:map_async(f, list, options) end

---As starmap, not waited for.
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:starmap_async(f, list, options) end

---Folds f of each item, on the workers: op(op(f(list[1]), f(list[2])), …). op must be associative.
---@param f function|table
---@param list any[]
---@param op function of two values
---@param init? any in front of all; without it, an empty list is an error
---@param options? manymoons.MapOptions without chunksize
---@return any
function Pool:reduce(f, list, op, init, options) end

---One call, waited for.
---@param f function|table
---@param ... any
---@return any ... what f returned; raises an mm.Error if it failed
function Pool:apply(f, ...) end

---One call, not waited for. Raises if the function or an argument cannot be sent.
---@param f function|table
---@param ... any
---@return manymoons.Future
function Pool:submit(f, ...) end

---As submit, with a list of arguments and options.
---@param f function|table
---@param arguments? any[] with a field n where some are nil
---@param options? manymoons.CallbackOptions
---@return manymoons.Future
function Pool:apply_async(f, arguments, options) end

---What the workers did: those that there are, or were when the pool was joined.
---@return manymoons.WorkerStats[]
function Pool:stats() end

---Of a pool on an engine: the tasks that were given up, the newest last.
---@return manymoons.DeadLetter[]
function Pool:dead() end

---Of a pool on an engine: runs such a task again, though nobody waits for its result any more.
---@param id string
---@return boolean? put true, or nil
---@return string? why there is none of that name
function Pool:retry(id) end

---Takes no more calls. Those that were submitted are run.
function Pool:close() end

---Stops the workers at once. What was open fails with kind "cancelled". Safe to call twice.
function Pool:terminate() end

---Waits until all is done and the workers have ended. Raises unless close or terminate was called before.
---@param timeout? number seconds
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Pool:join(timeout) end

---A call that was submitted, or a list of them. It cannot be sent. One that failed, of which nobody ever asked, is told
---on stderr when it is collected.
---@class manymoons.Future
local Future = {}

---Waits for what the call returned. Raises an mm.Error if it failed.
---@param timeout? number seconds
---@return any ... nil and "timeout" if it is not done by then
function Future:get(timeout) end

---Waits until the call is done, well or not. Raises nothing.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Future:wait(timeout) end

---@return boolean
function Future:ready() end

---Whether the call returned rather than failed. Raises if it is not done.
---@return boolean
function Future:successful() end

---Takes the call back: it never runs, or is stopped as by a timeout. It has failed with kind "cancelled" then.
---@return boolean is_cancelled false: it was done before
function Future:cancel() end

---f(future) once it is done: at once if it is, else while somebody waits for something of the pool. An error in f is told
---on stderr.
---@param f function|table
---@return manymoons.Future self
function Future:on_done(f) end

---A queue. A value is copied when it is put: later changes are not seen by the receiver, and put returns when
---the value is in the queue, not before. A process that is killed while using it costs at most the value it
---had not finished putting. Can be sent.
---@class manymoons.Queue
local Queue = {}

---Puts a value, waiting for room. Raises for a value that cannot be sent; the queue is as before then.
---@param value any nil as well
---@param timeout? number seconds
---@return boolean? put true, or nil
---@return string? why "timeout", "closed", or "full" with a timeout of 0
function Queue:put(value, timeout) end

---Takes the next value, waiting for one.
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout"; "closed" once it is closed and drained; "empty" with a timeout of 0
function Queue:get(timeout) end

---put that does not wait.
---@param value any
---@return boolean? put
---@return string? why "full" or "closed"
function Queue:put_nowait(value) end

---get that does not wait.
---@return any value
---@return string? why "empty" or "closed"
function Queue:get_nowait() end

---How many values are in it, exact at the instant of the call.
---@return integer
function Queue:qsize() end

---@return boolean
function Queue:empty() end

---@return boolean # always false without a maxsize
function Queue:full() end

---Takes no more values, for all who have the queue. Those in it can still be taken. Safe to call twice.
function Queue:close() end

---Takes values until the queue is closed and drained, or a nil comes: for value in queue:iter() do … end
---@return fun(): any
function Queue:iter() end

---A Queue without a maxsize.
---@class manymoons.SimpleQueue: manymoons.Queue

---A Queue that keeps account: for each value that was taken, task_done is to be called once, by whoever took it or
---in its place. What a worker took and did not report when it ended, however it ended, is abandoned: nobody waits for it.
---@class manymoons.JoinableQueue: manymoons.Queue
local JoinableQueue = {}

---One value that was taken is done. Raises when all are.
function JoinableQueue:task_done() end

---Waits until the queue is empty and all that was taken is done or abandoned.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"; with true "abandoned" if some were, since this handle was last joined
function JoinableQueue:join(timeout) end

---One end of a pipe, for one reader and one writer at a time. Can be sent. Once all who have the other end
---have closed it or died, what is under way is received, and then the end of file: nil, "closed".
---@class manymoons.Connection
local Connection = {}

---Sends a copy of a value, waiting for room. Raises for a value that cannot be sent.
---@param value any
---@return boolean? sent true, or nil
---@return string? why "closed": nobody has the other end
function Connection:send(value) end

---The next value. Raises, and takes nothing, if the next message was sent by send_bytes.
---@param timeout? number seconds
---@return any value nil with a reason if there is none
---@return string? why "timeout" or "closed"
function Connection:recv(timeout) end

---Whether recv would find something, a value or the end of file, at once.
---@param timeout? number seconds to wait for it; absent: does not wait
---@return boolean
function Connection:poll(timeout) end

---Sends bytes as they are, for recv_bytes.
---@param bytes string
---@return boolean? sent
---@return string? why "closed"
function Connection:send_bytes(bytes) end

---The next bytes. Raises, and takes nothing, if the next message was sent by send.
---@param timeout? number seconds
---@return string? bytes
---@return string? why "timeout" or "closed"
function Connection:recv_bytes(timeout) end

---A descriptor that is readable when recv would not wait, for poll and select of others. It stays the
---connection's own.
---@return integer
function Connection:fileno() end

---Closes this end. Safe to call twice; any other use raises afterwards.
function Connection:close() end

---The error that is raised where the result of a failed call is asked for. tostring gives the message, the
---traceback in the worker, and that of who asked.
---@class manymoons.Error
---@field message string
---@field value any the original error value, where it can be sent; else the message
---@field traceback string of the worker; empty if it died
---@field kind "error"|"died"|"cancelled"|"unsendable" unsendable: it ran, but its result could not be sent
---@field worker string the name of the worker
---@field exitcode? integer of a worker that died: N of os.exit(N), -N for signal N

return mm
