---@meta manymoons
-- SPDX-License-Identifier: MIT
-- The API of scripts, as LuaCATS types: the source of the Lua reference, and of completion in editors.
-- Nothing here is run. Times are seconds. A call that fails for a reason outside of the script returns nil and a
-- word ("timeout", "closed", …); wrong use raises.

---Lua interpreters side by side: in the caller (`serial`), in tasks (`async`) or threads of its VM, in threads with a VM each
---(`interpreters`), or in processes.
---
---Each timeout is a number of seconds: nil and infinity wait for ever, 0 and less do not wait, and NaN is an error.
---
---Names that are not below (`Pool`, `Process`, `Queue`, `Pipe`, …) come from the default world: `mm.Pool` is
---`mm.world(mm.current_world()).Pool`, looked up each time.
---@class manymoons: manymoons.World
---@field version string three numbers, as in "1.4.2"
---@field worlds manymoons.WorldName[] the names of all worlds
---@field serial manymoons.World each worker is a plain call, made at once in the caller
---@field async manymoons.Async each worker is a task: a coroutine of the caller's thread that runs until it waits; values are shared
---@field threads manymoons.World each worker is a thread of this VM: values are shared, threads take turns under its lock
---@field interpreters manymoons.World each worker is a thread with a VM of its own; values are copied
---@field processes manymoons.World each worker is a process: values are copied, and a crash ends only the worker
---@field Error table the metatable of the errors that come from workers
local mm = {}

---@alias manymoons.WorldName "serial"|"async"|"threads"|"interpreters"|"processes"

---A world by its name.
---@param name manymoons.WorldName
---@return manymoons.World # the same table each time; raises for a name that no world has
function mm.world(name) end

---Makes a world the default, here and in the workers started from now on. Until then the default world comes from
---`manymoons --world NAME` or the environment variable MANYMOONS_WORLD, and is otherwise "processes".
---@param name manymoons.WorldName
function mm.set_world(name) end

---The name of the default world; in a worker, that of the program that started it.
---@return manymoons.WorldName
function mm.current_world() end

---Chooses how processes start, for each Process and Pool from now on that names no method, in this VM and in the
---workers that it starts. "fork" copies this process: fast, but a lock that a library holds meanwhile stays locked in the
---copy. "spawn" starts the program anew, "forkserver" copies a process that was started so. MANYMOONS_START_METHOD chooses
---for all programs. Workers with limits are never forked by default.
---@param method? "fork"|"spawn"|"forkserver" nil: fork if this process has one thread, and the host is manymoons or a
---stand-alone Lua; otherwise forkserver
function mm.set_start_method(method) end

---The start method of a process that would be started now.
---@return "fork"|"spawn"|"forkserver"
function mm.get_start_method() end

---Records a timeline of all workers until `mm.trace(nil)` or the end of the program, and then writes it to `path`: JSON in
---Chrome's trace event format, times in microseconds. Only in the main program; one recording at a time.
---@param path? string nil: ends the recording
---@param options? { limit?: integer } how many events are kept (8 Mi); later ones are only counted
---@return true? ok, string? why for example: no such folder, "a recording is under way", "nothing is recorded"
function mm.trace(path, options) end

---An iterator over a list, or over what another iterator gives, with a bar on stderr while the loop runs: drawn at once, and
---ten times a second while the loop waits in this library; with the items done, their rate, the time passed and the time
---left. What workers, `print` and other programs write stands above it. If stderr is no terminal there is a line every 30 s
---and one at the end. A bar within another bar leaves no line behind.
---
---    for row in mm.progress(rows) do … end
---    for line in mm.progress(io.lines("words"), 235886, "words") do … end
---    for result in mm.progress(pool:imap_unordered(f, list), #list) do … end
---
---A loop that ends by `break` or an error ends its bar in Lua 5.4. Older Luas and LuaJIT tell an iterator nothing of that:
---there the bar stays until `close`, the next collection or the end of the program.
---@param source table|function
---@param total? integer|{ total?: integer, label?: string } default: the length of a list; nil of an iterator: not known,
---and no share is shown
---@param label? string
---@param closing? any what the loop closes at its end, as the fourth value of `io.lines` and `imap`
---@return manymoons.Progress
function mm.progress(source, total, label, closing) end

---@class manymoons.Progress
---@field done integer items that have ended
---@field total? integer
---@field label? string
---@operator call: any
local Progress = {}

---Ends the bar, and closes `closing`. May be called twice.
function Progress:close() end

---Samples the Lua stacks of all VMs, threads and processes of this program until the returned function is called,
---`mm.profile(nil)`, or the end of the program, and then writes to `path`: a page with a flame graph (`.html`),
---speedscope's JSON (`.json`), folded stacks (`.folded`) or a table (`.txt`). Only in the main program; one profile at a
---time. A sandboxed worker is not sampled. In interpreters of LuaJIT, compiled loops are seen in one VM of each process.
---@param path? string nil: ends the profile; "-": standard output
---@param options? { rate?: integer, mode?: "cpu"|"wall"|"lock", format?: "html"|"speedscope"|"folded"|"text",
---top?: integer } rate: samples a second (100). mode: what is counted: time in which threads computed or were ready to
---(the default), all time, or time in which the lock of a VM was held while another thread waited for it. top: rows of a
---table (20)
---@return (fun(): true?, string?)|true|nil stop ends the profile and writes it; true from `mm.profile(nil)`
---@return string? why for example: no such folder, "the program is profiled already", "nothing is profiled"
function mm.profile(path, options) end

---Statistics of the lock of this VM, under which the threads of the world `threads` take turns; sets its schedule.
---@param options? { schedule?: "fair"|"legacy" } "fair" (the default): a queue in which threads with short turns go
---first; "legacy": CPython's. The environment variable MANYMOONS_GIL sets the schedule of a whole program.
---@return manymoons.Gil
function mm.gil(options) end

---@class manymoons.Gil
---@field threads integer threads of this VM, including the main one
---@field takes integer how often the lock was taken
---@field contended integer takes that had to wait
---@field switches integer takes by another thread than the one before
---@field requests integer how often a waiter asked the holder to make way
---@field forced integer how often the holder made way because of a request
---@field held number seconds for which the lock was held, in total
---@field waited number seconds for which threads waited for it, in total
---@field longest { seconds: number, traceback: string } the longest hold so far, and where it ended
---@field interval number seconds; see setswitchinterval
---@field schedule "fair"|"legacy"
---@field preemptible boolean false if a thread makes way only when it waits: LuaJIT runs no hooks in compiled code

---Sets how long a thread of this VM may hold the lock while others wait. The default is 0.005.
---@param seconds number above 0
function mm.setswitchinterval(seconds) end

---The interval of setswitchinterval.
---@return number seconds
function mm.getswitchinterval() end

---A clock that never goes back, in seconds; only differences are meaningful.
---@return number seconds
function mm.time() end

---Whether somebody wants the call that runs to end: its future, task or Process was cancelled or terminated, its time
---is over, or its pool or program ends. For loops that end by themselves: `while not mm.cancelled() do … end`. A call
---that asks has 0.1 s to end before an error ends it. False outside of calls. Cheap; in a task of the world `async` the
---other tasks get a turn.
---@return boolean
function mm.cancelled() end

---A function that calls the C function f without this VM's lock: threads and tasks of this VM go on meanwhile. f runs in a VM
---of its own, on a thread of its own, so its arguments and results have to be such as can be sent; they are copied.
---For functions of C libraries that compute or wait for long, and need no object of this VM.
---@param f function a C function of a module, such as string.rep
---@return fun(...: any): ... any
function mm.release(f) end

---A value as bytes, for `loads` in a program of the same version. Raises "cannot send …", with the path to
---the offending part, for coroutines, userdata, and handles such as queues.
---@param value any
---@return string bytes
function mm.dumps(value) end

---The value from which `dumps` made the bytes. Any bytes may be given: they bring data, and instances of classes that
---were registered as untrusted. It raises if they are malformed, come from another version, or hold anything else:
---functions, modules, other classes, proxies. `functions = true` is the caller's word that the bytes are the program's
---own: then they bring all that `dumps` takes, code included.
---@param bytes string
---@param options? { functions?: boolean } functions: the bytes are this program's own
---@return any value
function mm.loads(bytes, options) end

---Gives a class a name, by which it is sent: the receiver uses its own metatable of that name, also where the class is a
---value. Classes travel without one as well: once to each VM, where they stay one class (docs/explanation/classes.md).
---Register those that other programs have, or that a worker makes for itself; before workers are started, or in each
---worker. A name stays with its class: it is an error to give it to another one. With `untrusted = true` bytes of
---strangers may bring instances of the class as well (`loads`, connections without a key, unsigned tasks): its methods
---and metamethods have to cope with any fields.
---@param name string not empty
---@param metatable table
---@param options? { untrusted?: boolean } default: not from strangers
---@return table metatable
function mm.register(name, metatable, options) end

---A manager that another process or host has started.
---@param address string|{ [1]: string, [2]: integer }
---@param authkey string
---@return manymoons.Manager? manager nil with a reason
---@return string? why "authentication failed", …
function mm.connect(address, authkey) end

---The names that every world has.
---@class manymoons.World
---@field name manymoons.WorldName
local World = {}

---A worker that runs one function. `start` starts it.
---@param target function|table called with the arguments; a table must have __call
---@param ... any the arguments, copied at start
---@return manymoons.Process
---@overload fun(options: manymoons.ProcessOptions): manymoons.Process
function World.Process(target, ...) end

---Workers that run many calls. They start at once. A task sees the globals as its caller saw them when it made the
---call: in a world whose workers have VMs of their own, those that the function uses and that have changed since the
---worker got them go with the call, as upvalues do. Used are the names in the code of the function, and of all functions
---that it reaches through upvalues, arguments and globals. A table counts as changed when its contents differ; of
---a global that reaches more than 1,000 entries, those behind them count by samples and by length, so assign another
---table, or pass it as an argument, where such a one changes. The same holds for the fields of standard libraries and
---modules that the program changes after the pool began. What it put into a module that has a file before that, workers
---have if they are forked; others have what the file gives, and an initializer may tell the module. What a task assigns stays in its worker until the caller's
---value changes. Functions in queues, pipes and managers, and in pools on a broker, use the globals of the receiver.
---@param workers? integer how many; default: cpu_count()
---@param initializer? function called first in each worker; if it raises, so does Pool
---@param initargs? any[] its arguments
---@param maxtasksperchild? integer replace a worker after this many calls
---@return manymoons.Pool
---@overload fun(options: manymoons.PoolOptions): manymoons.Pool
---@overload fun(options: manymoons.BrokerPoolOptions): manymoons.Pool
function World.Pool(workers, initializer, initargs, maxtasksperchild) end

---A queue for any number of producers and consumers, in any world of this program.
---@param maxsize? integer how many values fit, up to 2147483647; absent or 0: limited only by memory
---@return manymoons.Queue
---@overload fun(options: manymoons.QueueOptions): manymoons.Queue
---@overload fun(options: manymoons.BrokerQueueOptions): manymoons.Queue
function World.Queue(maxsize) end

---A queue without a maxsize.
---@return manymoons.SimpleQueue
function World.SimpleQueue() end

---A queue that can be joined: `join` waits until every value that was put is done.
---@param maxsize? integer how many values fit, up to 2147483647; absent or 0: limited only by memory
---@return manymoons.JoinableQueue
---@overload fun(options: manymoons.QueueOptions): manymoons.JoinableQueue
---@overload fun(options: manymoons.BrokerQueueOptions): manymoons.JoinableQueue
function World.JoinableQueue(maxsize) end

---Two connections: one receives the values that the other sends.
---@param duplex? boolean false: the first only receives, the second only sends
---@return manymoons.Connection first
---@return manymoons.Connection second
function World.Pipe(duplex) end

---One number in shared memory.
---@param type string "i8" "u8" "i16" "u16" "i32" "u32" "i64" "u64" "f32" "f64", or the letter of Python's ctypes
---@param initial? number default 0
---@return manymoons.Value
function World.Value(type, initial) end

---Numbers of one type in shared memory. Raises "ENOMEM: …" if there is no memory for it.
---@param type string as for Value
---@param source integer|number[] how many elements, all 0; or a list of them
---@return manymoons.Array
function World.Array(type, source) end

---A table in shared memory, for all workers, without a server.
---@param source? table its pairs are copied
---@param options? { max_bytes?: integer } how many bytes its keys and values have, as they are sent, with 16 for each key:
---setting a key beyond it raises "Table: full: …" and changes nothing
---@return manymoons.Table
---@overload fun(options: { max_bytes: integer }): manymoons.Table
function World.Table(source, options) end

---A named block of bytes that other programs can open: POSIX shared memory, Python's multiprocessing.shared_memory.
---Unless created with `keep`, a block is unlinked when the program ends, whichever of its workers created it; and at
---once when the process that created it, program or worker, is killed by a signal.
---@param options { name?: string, create?: boolean, size?: integer, keep?: boolean } size in bytes, with create
---@return manymoons.SharedMemory? block nil with a reason
---@return string? why "EEXIST: …", "ENOENT: …", "EFBIG: …" beyond the limit of file sizes (ulimit -f), …
function World.SharedMemory(options) end

---Waits for connections of other programs, or of other processes of this one. With an authkey a client that proves to
---have it may send code; without one messages bring data alone, whoever sends them, and recv raises for all else.
---@param address? string|{ [1]: string, [2]: integer } "/path", "@name" (abstract), "host:port" or { host, port }, port 0
---for any; absent: an abstract name to which only processes of this user may connect. A file at which nobody listens any
---more is replaced; of several listeners that begin at one path at once, one gets it.
---@param options? { authkey?: string, max_message?: integer } max_message in bytes, at most 2^31
---@return manymoons.Listener? listener nil with a reason
---@return string? why "EADDRINUSE: …", …
function World.Listener(address, options) end

---Connects to a Listener. With an authkey both sides prove that they have it (HMAC-SHA256); without one messages bring
---data alone. Messages are neither encrypted nor signed: use addresses that only trusted programs can reach.
---
---The connection can be sent to other workers of the program, as a Listener can; unread messages go along. Let one worker
---receive from it, and one send to it. The other side sees its end when all copies are closed; a forked worker has a copy
---of all that were open when it began.
---@param address string|{ [1]: string, [2]: integer }
---@param options? { authkey?: string, timeout?: number, max_message?: integer } timeout in seconds, default 20: that of
---looking up the host, connecting and proving the key together
---@return manymoons.Connection? connection nil with a reason
---@return string? why "authentication failed", "ECONNREFUSED: …", "timeout", …
function World.Client(address, options) end

---A server that holds Lua objects for all workers, in a worker of the world; in serial in the caller. It ends with
---close, or with the program. Every client that has the key can run any code in the manager, by update and register.
---With trust = "data" clients send data alone, and call the objects that the program which started the manager
---registered.
---@param options? { address?: string, authkey?: string, trust?: "peer"|"data" } address and authkey as for a Listener,
---for other programs to connect, not in serial; trust: default "peer"
---@return manymoons.Manager
function World.Manager(options) end

---Waits until one of many things is ready: a queue or connection from which a value, or the end, can be taken
---without waiting; a process that has ended; a future that is done; a descriptor that can be read. Another consumer may
---be faster: use get_nowait or a timeout on a ready thing.
---@param things (manymoons.Queue|manymoons.Connection|manymoons.Process|manymoons.Future|manymoons.Task|integer)[] any mixture
---@param timeout? number|{ timeout?: number } seconds; absent: for ever; 0: does not wait
---@return any[] ready the ready things, in the order given; empty if none is ready in time
---@return string? why "timeout" with an empty list
function World.wait(things, timeout) end

---An iterator over the futures and tasks of a list, in the order in which they finish. Raises if not all are done in time.
---@param futures (manymoons.Future|manymoons.Task)[]
---@param timeout? number seconds, for all of them together
---@return fun(): manymoons.Future|manymoons.Task|nil
function World.as_completed(futures, timeout) end

---Waits for at least this time.
---@param seconds number 0 or more
function World.sleep(seconds) end

---How many threads of this program can compute at once: the number of processors that its affinity allows, or that the
---quota of its control group pays for, rounded up. The environment variable MANYMOONS_WORKERS replaces it.
---@return integer
function World.cpu_count() end

---The worker in which the caller runs; in the main program a table named "MainProcess".
---@return manymoons.Identity
function World.current_process() end

---The process that started this worker; nil in the main program.
---@return manymoons.Identity?
function World.parent_process() end

---The processes that this one started and that have not ended.
---@return manymoons.Process[]
function World.active_children() end

---A worker, seen from inside.
---@class manymoons.Identity
---@field name string
---@field pid integer of the operating-system process; interpreters share the pid of their program
---@field daemon? boolean

---@class manymoons.ProcessOptions
---@field target function|table called in the worker
---@field args? any[] its arguments; with a field n if some are nil
---@field name? string default: Process-1, Process-2, …; of a child of Process-1: Process-1:1, …
---@field daemon? boolean terminated, not joined, when the program ends
---@field method? "fork"|"spawn"|"forkserver" for processes; default: that of mm.set_start_method
---@field memory? integer bytes of Lua memory, and of shared memory, as for a pool's workers
---@field timeout? number seconds for which it may run; after that it is stopped, with exitcode -14
---@field libs? manymoons.Library[] as for a pool's workers
---@field nice? integer as for a pool's workers
---@field cpus? integer[] the numbers of the processors on which it runs, from 0 on; not for serial and async
---@field sandbox? boolean|manymoons.Sandbox as for a pool's workers. Its system call that was refused is printed on stderr

---A worker that runs one function. If its object is collected it keeps running; it is joined when the program ends.
---@class manymoons.Process
---@field name string may be set before start
---@field daemon boolean may be set before start
---@field pid? integer nil before start
---@field exitcode? integer nil while alive; 0 success, 1 an uncaught error, N after os.exit(N), -N after signal N
---@field sentinel? integer a descriptor, readable once it has ended; absent where there are no processes
local Process = {}

---Starts it. Raises if it was started before, if the function or an argument cannot be sent, or if the system
---refuses to start one.
function Process:start() end

---Waits until it has ended.
---@param timeout? number seconds; absent: for ever; 0: does not wait
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Process:join(timeout) end

---Whether it was started and has not ended.
---@return boolean
function Process:is_alive() end

---Asks it to end, and does not wait. An error ends its function: `<close>` variables and what follows a `pcall` have
---0.1 s. A function that goes on gets the error once more, and is then stopped (mm.cancelled).
function Process:terminate() end

---Kills a process with SIGKILL. An interpreter, and a thread, stops at its next step without cleaning up. Does not wait.
function Process:kill() end

---Releases its resources. Raises while it runs; safe to call twice. exitcode and pid can still be read. The end of a
---`<close>` variable (Lua 5.4) waits for the worker, and terminates a daemon, before.
function Process:close() end

---@class manymoons.PoolOptions
---@field workers? integer how many; default: cpu_count(); more than 4096 are taken for a mistake
---@field many_workers? boolean true: more than 4096 workers, up to a million, are meant
---@field initializer? function called first in each worker; if it raises, so does Pool
---@field initargs? any[] its arguments
---@field maxtasksperchild? integer replace a worker after this many calls
---@field name? string workers are called NAME-1, NAME-2, …; default: PoolWorker
---@field memory? integer for interpreters and processes: bytes of Lua memory for each worker, and as many of the shared
---memory that it makes and that nobody has taken or freed yet. A call that needs more fails with "not enough memory", or
---"ENOMEM: …" with the object's name, and the worker continues. At least 32768; an empty VM takes about twice that
---@field timeout? number seconds for each item, unless the call's options set another limit
---@field libs? manymoons.Library[] for interpreters and processes: standard libraries that workers have beside base,
---string, table, math, utf8 and coroutine without the functions that load files or bytecode; default: all
---@field nice? integer for interpreters and processes: 0 to 19; larger values yield to other threads; 10 keeps the
---frame times of a game unchanged
---@field cpus? integer[]|"each" the numbers of the processors on which the workers run, from 0 on; "each": each worker
---has a processor of its own, as long as there are enough; not for serial and async, whose workers have no thread
---@field method? "fork"|"spawn"|"forkserver" for processes, as for a Process
---@field sandbox? boolean|manymoons.Sandbox for processes: true, or what workers may reach that run code you do not
---trust. They open no file but the named ones, start no program and no thread, use no network and do not see the
---environment. Raises if the kernel has no seccomp, or no Landlock where files are named. See docs/explanation/trust.md

---What a sandboxed worker may reach. Folders stand for all below them. The files of modules that the program has
---loaded when the worker starts can be read as well, each by itself.
---@class manymoons.Sandbox
---@field read? string[] files and folders that can be read; they must exist
---@field write? string[] files and folders that can be written, and in which files can be made and removed; this does
---not allow to read them
---@field network? boolean true: TCP and UDP, and the files that the lookup of names reads; default: false

---A pool on a broker, a Redis or Valkey server; `manymoons worker` runs its tasks. Pool raises if the server cannot be
---reached, refuses, or would evict keys.
---@class manymoons.BrokerPoolOptions
---@field broker string "redis://user:password@host:port/database", "rediss://…?ca=FILE&cert=FILE&key=FILE" or "unix:///path"
---@field name string the pool's name: letters, digits, "_", "." and "-", at most 64
---@field workers? integer a guess of how many calls run at once, until the workers have reported it
---@field initializer? function called in each worker before the first task; if it raises, so do the tasks
---@field initargs? any[] its arguments
---@field timeout? number seconds for each item, unless the call's options set another limit
---@field retries? integer how often a task whose worker was lost runs again; default: 2. With 0, at most once
---@field window? integer how many tasks may be under way before submitting waits; default: 1000
---@field secret? string signs tasks; 16 characters or more. Several lines: the first signs, all are accepted
---@field secret_file? string a file with the secret, readable only by this user. Default: MANYMOONS_SECRET,
---MANYMOONS_SECRET_FILE, or for a server on this machine a secret of this user
---@field password_file? string a file with the server's password, readable only by this user, where the URL has none.
---Default: MANYMOONS_BROKER_PASSWORD, MANYMOONS_BROKER_PASSWORD_FILE
---@field abi_wait? number seconds after which functions fail if no worker has the program's Lua; default: 30

---A queue on a broker.
---@class manymoons.QueueOptions
---@field maxsize? integer how many values fit; absent or 0: limited only by memory
---@field max_bytes? integer how many bytes the values have, as they are sent: put waits for room, and refuses at once a
---value that has more ("too large: …"). No limit in serial, async and threads, where a queue passes the values themselves

---@class manymoons.BrokerQueueOptions
---@field broker string as above
---@field name string as above
---@field maxsize? integer how many values may wait; absent or 0: limited only by the server's memory
---@field lease? number for a JoinableQueue: a value comes back if its taker has been gone for this many seconds; default: 15
---@field secret? string as above
---@field secret_file? string as above
---@field password_file? string as above

---A task that was lost too often.
---@class manymoons.DeadLetter
---@field id string for Pool:retry
---@field why string the reason
---@field who string the worker that recorded it
---@field at number seconds since 1970
---@field func string its function

---@alias manymoons.Library "safe"|"io"|"os"|"package"|"debug"|"ffi"|"all"

---@class manymoons.CallOptions
---@field timeout? number seconds that one call may run. After that it fails with kind "timeout", and its worker is stopped
---and replaced: a process always, an interpreter within milliseconds while it runs Lua. In a C function, or in a loop that
---LuaJIT compiled, the interpreter's thread is abandoned. In the serial world a C function ends first.
---@field retries? integer how often a call whose worker died runs again before it fails with kind "died"; default: 0; on a
---broker 2
---@field retry_errors? integer how many runs more a call gets that raises, in the same worker; default: 0. A time limit counts all of
---them
---@field backoff? number seconds between the first two runs, doubled each time; default: 0

---@class manymoons.MapOptions : manymoons.CallOptions
---@field chunksize? integer how many items a worker takes at once; default: adapts to their cost and to how many are left
---@field progress? boolean|string|function true or a label: a bar on stderr if that is a terminal, else a line every 30 s;
---or f(done, total)
---@field errors? "raise"|"return" "return": the mm.Error of an item that failed stands in its place; default: "raise"

---@class manymoons.ImapOptions : manymoons.MapOptions
---@field window? integer how many items are read ahead of the results returned; default: 4 for each worker, or one chunk

---@class manymoons.CallbackOptions : manymoons.CallOptions
---@field callback? function called with the results, while the script waits
---@field error_callback? function called with the mm.Error, likewise

---@class manymoons.MapCallbackOptions : manymoons.MapOptions
---@field callback? function called with the list of results
---@field error_callback? function called with the mm.Error

---@class manymoons.WorkerStats
---@field name string
---@field pid integer
---@field tasks integer calls that have ended
---@field busy number seconds in calls
---@field waiting number seconds without a call, since it first asked for work
---@field startup number seconds until it first asked for work
---@field bytes_in integer bytes of calls received; 0 if nothing is copied
---@field bytes_out integer bytes of results sent

---Workers that run many calls. When a worker dies (is killed, calls os.exit, runs out of memory), the call it was
---running fails with kind "died", or runs again if `retries` allows; the others continue, and a new worker takes its
---place. A pool belongs to the process that created it and cannot be sent. It is terminated when it is collected or
---(Lua 5.4) goes out of a `<close>` scope. Deaths, time-outs and callbacks are handled whenever the script waits, for the
---pool or for anything else.
---@class manymoons.Pool
local Pool = {}

---Calls f(item) for each item and returns the results in order. If items fail, it raises the mm.Error of the first of
---them after all have run: its field `results` has the results of the others, its field `errors` all errors, by index.
---An item that cannot be sent fails in the same way, with kind "unsendable". Each item is copied for itself: a table that
---two items share arrives as two.
---@param f function|table
---@param list any[] with a field n if some are nil
---@param options? manymoons.MapOptions
---@return any[] results the first result of each call; nil if it returned none
function Pool:map(f, list, options) end

---As map; each item is a list of arguments.
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapOptions
---@return any[] results
function Pool:starmap(f, list, options) end

---An iterator over the results, in order, which reads items as results are requested. It raises the mm.Error of an item
---that failed, and continues with the next one. A result of nil becomes false. What the source raises comes where its
---item would have come, and is the end. With the iterator of a queue (`q:iter()`) a result comes as soon as it is there,
---also while the queue is empty. Items of a list are all sent when the pool is closed; an iterator's later ones are lost.
---@param f function|table
---@param items any[]|function a list, or a function that returns the next item, until nil (`q:iter()`)
---@param options? manymoons.ImapOptions
---@return fun(): any
function Pool:imap(f, items, options) end

---As imap, in the order in which the results arrive.
---@param f function|table
---@param items any[]|function
---@param options? manymoons.ImapOptions
---@return fun(): any
function Pool:imap_unordered(f, items, options) end

---As map, without waiting: returns a future for the list.
---@param f function|table
---@param list any[]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:map_async(f, list, options) end

---As starmap, without waiting.
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:starmap_async(f, list, options) end

---Folds the results of f on the workers: op(op(f(list[1]), f(list[2])), …). op must be associative.
---@param f function|table
---@param list any[]
---@param op function of two values
---@param init? any the first operand; without it, an empty list is an error
---@param options? manymoons.MapOptions without chunksize
---@return any
function Pool:reduce(f, list, op, init, options) end

---A new list of the items for which f is true, in their order; the items themselves, not copies. The workers call f for some
---items at a time.
---@param f function|table
---@param list any[]
---@param options? manymoons.MapOptions `timeout` (of some items at a time), `retries` and `progress`
---@return any[]
function Pool:filter(f, list, options) end

---The first item, in the list's order, for which f is true. What comes behind it is cancelled; an error there does not count.
---@param f function|table
---@param list any[]
---@param options? manymoons.MapOptions as for filter
---@return any item nil if there is none
---@return integer? place
function Pool:find(f, list, options) end

---A new list of the same items in order, as table.sort orders them; the list itself stays as it is. The workers sort parts of it
---(a sample sort), so that items go there and back as copies in worlds whose workers have VMs of their own. Not stable.
---@param list any[] without nil
---@param less? fun(a: any, b: any): boolean default: <
---@param options? manymoons.MapOptions as for filter
---@return any[]
function Pool:sort(list, less, options) end

---Calls f(…) once in each worker, and waits for all of them. A worker that is busy has its call when it can; the others wait for
---it. Raises the first error once all have ended. Not for pools on a broker.
---@param f function|table
---@param ... any
---@return any[] results the first result of each, in no order; field `n` is their number
function Pool:broadcast(f, ...) end

---Waits until all workers have started and have run the initializer. Not for pools on a broker.
---@return true
function Pool:warm() end

---Makes one call and waits for its results.
---@param f function|table
---@param ... any
---@return any ... the results of f; raises an mm.Error if the call failed
function Pool:apply(f, ...) end

---Makes one call without waiting for it. Raises if the function or an argument cannot be sent.
---@param f function|table
---@param ... any
---@return manymoons.Future
function Pool:submit(f, ...) end

---As submit, with a list of arguments and options.
---@param f function|table
---@param arguments? any[] with a field n if some are nil
---@param options? manymoons.CallbackOptions
---@return manymoons.Future
function Pool:apply_async(f, arguments, options) end

---Statistics of the current workers, or of those that the pool had when it was joined.
---@return manymoons.WorkerStats[]
function Pool:stats() end

---For a pool on a broker: its dead letters, the newest last.
---@return manymoons.DeadLetter[]
function Pool:dead() end

---For a pool on a broker: runs a dead letter again, signed anew. Its result goes to no caller.
---@param id string
---@return boolean? put true, or nil
---@return string? why there is no dead letter with that id
function Pool:retry(id) end

---Accepts no more calls. Submitted calls still run.
function Pool:close() end

---Stops the workers at once. Calls that are not done fail with kind "cancelled". Safe to call twice.
function Pool:terminate() end

---Waits until all calls are done and the workers have ended. Raises unless close or terminate was called before.
---@param timeout? number seconds
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Pool:join(timeout) end

---The outcome of a submitted call, or of a list of calls. It cannot be sent. If it failed and its result was never
---requested, the error is reported on stderr when the future is collected.
---@class manymoons.Future
local Future = {}

---Waits for the results of the call. Raises an mm.Error if it failed.
---@param timeout? number seconds
---@return any ... nil and "timeout" if it is not done by then
function Future:get(timeout) end

---Waits until the call is done, whether it returned or failed. Never raises.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Future:wait(timeout) end

---Whether the call is done.
---@return boolean
function Future:ready() end

---Whether the call returned rather than failed. Raises if it is not done.
---@return boolean
function Future:successful() end

---Cancels the call: it never runs, or is stopped as by a timeout. It fails with kind "cancelled".
---@return boolean is_cancelled false: it was already done
function Future:cancel() end

---Calls f(future) when it is done: at once if it already is, otherwise while the script waits. An error in f is reported
---on stderr.
---@param f function|table
---@return manymoons.Future self
function Future:on_done(f) end

---The outcome is not needed any more: cancels the call unless it is done. Safe to call twice; any other use afterwards
---raises. The end of a `<close>` variable (Lua 5.4) does the same.
function Future:close() end

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

---The error that is raised where the result of a failed call is requested. tostring gives the message, the
---traceback in the worker, and the traceback of the caller.
---@class manymoons.Error
---@field message string the error message
---@field value any the original error value if it can be sent, otherwise the message
---@field traceback string the worker's; empty if it died
---@field kind "error"|"died"|"timeout"|"cancelled"|"unsendable"|"deadlock" unsendable: the call ran, but its result could not be sent; deadlock: it waited for what could never come
---@field worker string the name of the worker
---@field exitcode? integer of a worker that died: N after os.exit(N), -N after signal N

return mm
