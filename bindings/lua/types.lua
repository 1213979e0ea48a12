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
---```lua
---local world = mm.world("threads")
---assert(world == mm.threads and world.name == "threads")
---```
---@param name manymoons.WorldName
---@return manymoons.World # the same table each time; raises for a name that no world has
function mm.world(name) end

---Makes a world the default, here and in the workers started from now on. Until then the default world comes from
---`manymoons --world NAME` or the environment variable MANYMOONS_WORLD, and is otherwise "processes".
---```lua
---mm.set_world("threads")
---assert(mm.current_world() == "threads" and mm.Queue == mm.threads.Queue)
---mm.set_world("processes")
---```
---@param name manymoons.WorldName
function mm.set_world(name) end

---The name of the default world; in a worker, that of the program that started it.
---```lua
---local name = mm.current_world()
---assert(name == "processes" and mm.Pool == mm.processes.Pool)
---```
---@return manymoons.WorldName
function mm.current_world() end

---Chooses how processes start, for each Process and Pool from now on that names no method, in this VM and in the
---workers that it starts. "fork" copies this process: fast, but a lock that a library holds meanwhile stays locked in the
---copy. "spawn" starts the program anew, "forkserver" copies a process that was started so. MANYMOONS_START_METHOD chooses
---for all programs. Workers with limits are never forked by default.
---```lua
---mm.set_start_method("spawn")
---assert(mm.get_start_method() == "spawn")
---mm.set_start_method(nil)
---```
---@param method? "fork"|"spawn"|"forkserver" nil: fork if this process has one thread, and the host is manymoons or a
---stand-alone Lua; otherwise forkserver
function mm.set_start_method(method) end

---The start method of a process that would be started now.
---```lua
---mm.set_start_method("forkserver")
---assert(mm.get_start_method() == "forkserver")
---mm.set_start_method(nil)
---```
---@return "fork"|"spawn"|"forkserver"
function mm.get_start_method() end

---Records a timeline of all workers until `mm.trace(nil)` or the end of the program, and then writes it to `path`: JSON in
---Chrome's trace event format, times in microseconds. Only in the main program; one recording at a time.
---```lua
---assert(mm.trace("timeline.json"))
---mm.Pool(2):map(math.sqrt, { 1, 4, 9 })
---assert(mm.trace(nil))
---assert(io.open("timeline.json"):read("a"):find("traceEvents"))
---```
---@param path? string nil: ends the recording
---@param options? { limit?: integer } how many events are kept (8 Mi); later ones are only counted
---@return boolean? ok true, or nil
---@return string? why for example: no such folder, "a recording is under way", "nothing is recorded"
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
---```lua
---local sum = 0
---for n in mm.progress({ 1, 2, 3 }, nil, "numbers") do sum = sum + n end
---assert(sum == 6)
---```
---
---```
---numbers: 3/3  93.1 k/s  in 0.00 s
---```
---@param source table|function
---@param total? integer|{ total?: integer, label?: string } default: the length of a list; nil of an iterator: not known,
---and no share is shown
---@param label? string
---@param closing? any what the loop closes at its end, as the fourth value of `io.lines` and `imap`
---@return manymoons.Progress
function mm.progress(source, total, label, closing) end

---Samples the Lua stacks of all VMs, threads and processes of this program until the returned function is called,
---`mm.profile(nil)`, or the end of the program, and then writes to `path`: a page with a flame graph (`.html`),
---speedscope's JSON (`.json`), folded stacks (`.folded`) or a table (`.txt`). Only in the main program; one profile at a
---time. A sandboxed worker is not sampled. In interpreters of LuaJIT, compiled loops are seen in one VM of each process.
---```lua
---local stop = mm.profile("profile.txt", { rate = 1000 })
---for i = 1, 1e5 do local root = math.sqrt(i) end
---assert(stop())
---assert(io.open("profile.txt"))
---```
---@param path? string nil: ends the profile; "-": standard output
---@param options? manymoons.ProfileOptions
---@return (fun(): true?, string?)|true|nil stop ends the profile and writes it; true from `mm.profile(nil)`
---@return string? why for example: no such folder, "the program is profiled already", "nothing is profiled"
function mm.profile(path, options) end

---Statistics of the lock of this VM, under which the threads of the world `threads` take turns; sets its schedule.
---```lua
---local gil = mm.gil({ schedule = "fair" })
---assert(gil.schedule == "fair" and gil.threads >= 1)
---```
---@param options? { schedule?: "fair"|"legacy" } "fair" (the default): a queue in which threads with short turns go
---first; "legacy": CPython's. The environment variable MANYMOONS_GIL sets the schedule of a whole program.
---@return manymoons.Gil
function mm.gil(options) end

---Sets how long a thread of this VM may hold the lock while others wait. The default is 0.005.
---```lua
---mm.setswitchinterval(0.001)
---assert(mm.getswitchinterval() == 0.001)
---mm.setswitchinterval(0.005)
---```
---@param seconds number above 0
function mm.setswitchinterval(seconds) end

---The interval of setswitchinterval.
---```lua
---assert(mm.getswitchinterval() == 0.005)
---assert(mm.getswitchinterval() == mm.gil().interval)
---```
---@return number seconds
function mm.getswitchinterval() end

---A clock that never goes back, in seconds; only differences are meaningful.
---```lua
---local begin = mm.time()
---mm.sleep(0.01)
---assert(mm.time() - begin >= 0.01)
---```
---@return number seconds
function mm.time() end

---Whether the call that runs has to end: its future, task or Process was cancelled or terminated, its time is over, or
---its pool or program ends. For loops that end by themselves: `while not mm.cancelled() do … end`. A call that asks has
---0.1 s to end before an error ends it. False outside of calls. The question is cheap; in a task of the world `async` the
---other tasks get a turn.
---```lua
---local future = mm.Pool(1):submit(function()
---  while not mm.cancelled() do end
---end)
---assert(not mm.cancelled()) -- the main program is no call
---assert(future:cancel())
---```
---@return boolean
function mm.cancelled() end

---An open file of the operating system, by a copy of its descriptor, which goes to other workers as other handles do: what
---`fileno` gives there is the same file, pipe or socket. For sockets and files of other libraries, which cannot be sent themselves: send the
---Descriptor of `socket:getfd()`, and make the socket anew with `setfd` there. Worlds that share this VM share the object.
---```lua
---local output = mm.Descriptor(1) -- standard output
---local worker = mm.Process(function() assert(output:fileno() > 2) end) -- for a library that takes a descriptor
---worker:start()
---worker:join()
---output:close()
---```
---@param fd integer which stays open, and the caller's
---@return manymoons.Descriptor? descriptor nil with a reason
---@return string? why "EBADF: …", "EMFILE: …"
function mm.Descriptor(fd) end

---Lines on stderr from now on, each with the level, and the name and pid of the worker: those of the logger, and the
---library's own, which say at level "info" when workers start and end. The workers that start from then on have the level as well.
---```lua
---local logger = mm.log_to_stderr("error")
---logger:warning("%d items left", 3) -- not written; at "warning": [WARNING/MainProcess 4711] 3 items left
---mm.log_to_stderr(false)
---```
---@param level? "debug"|"info"|"warning"|"error"|false the least level that is written; default: "info"; false: nothing
---@return manymoons.Logger
function mm.log_to_stderr(level) end

---The logger, which writes nothing until mm.log_to_stderr was called, in this worker or, before it started, in its parent.
---```lua
---local logger = mm.get_logger()
---logger:info("nobody reads this")
---assert(logger == mm.log_to_stderr("error"))
---mm.log_to_stderr(false)
---```
---@return manymoons.Logger
function mm.get_logger() end

---A function that calls the C function f without this VM's lock: threads and tasks of this VM go on meanwhile. f runs in a VM
---of its own, on a thread of its own, so its arguments and results have to be such as can be sent; they are copied.
---For functions of C libraries that compute or wait for long, and need no object of this VM.
---```lua
---local rep = mm.release(string.rep)
---assert(rep("ab", 3) == "ababab")
---```
---@param f function a C function of a module, such as string.rep
---@return fun(...: any): any
function mm.release(f) end

---A value as bytes, for `loads` in a program of the same version. Raises "cannot send …", with the path to
---the offending part, for coroutines, userdata, and handles such as queues.
---```lua
---local bytes = mm.dumps({ name = "Ada", born = 1815 })
---assert(mm.loads(bytes).name == "Ada")
---assert(not pcall(mm.dumps, coroutine.create(print)))
---```
---@param value any
---@return string bytes
function mm.dumps(value) end

---The value from which `dumps` made the bytes. Any bytes may be given: they bring data, and instances of classes that
---were registered as untrusted. It raises if they are malformed, come from another version, or hold anything else:
---functions, modules, other classes, proxies. `functions = true` is the caller's word that the bytes are the program's
---own: then they bring all that `dumps` takes, code included.
---```lua
---assert(mm.loads(mm.dumps({ 1, 2, 3 }))[3] == 3)
---local bytes = mm.dumps(function(x) return x + 1 end)
---assert(not pcall(mm.loads, bytes))
---assert(mm.loads(bytes, { functions = true })(1) == 2)
---```
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
---```lua
---local Point = mm.register("Point", {}, { untrusted = true })
---Point.__index = Point
---function Point:norm() return (self.x ^ 2 + self.y ^ 2) ^ 0.5 end
---
---local copy = mm.loads(mm.dumps(setmetatable({ x = 3, y = 4 }, Point)))
---assert(copy:norm() == 5)
---```
---@param name string not empty
---@param metatable table
---@param options? { untrusted?: boolean } default: not from strangers
---@return table metatable
function mm.register(name, metatable, options) end

---A manager that another process or host has started.
---```lua
---local manager = mm.Manager({ address = "127.0.0.1:0", authkey = "a key" })
---manager:register("settings", function() return { level = 3 } end)
---local client = mm.connect(manager.address, "a key") -- in any program
---assert(client:settings().level == 3)
---client:close()
---manager:close()
---```
---@param address string|{ [1]: string, [2]: integer }
---@param authkey string
---@return manymoons.Manager? manager nil with a reason
---@return string? why "authentication failed", …
function mm.connect(address, authkey) end

---The options of `mm.profile`.
---```lua
---local stop = mm.profile("stacks", { mode = "wall", format = "folded", rate = 200 })
---mm.sleep(0.05)
---assert(stop())
---```
---@class manymoons.ProfileOptions
---@field rate? integer samples a second; default: 100
---@field mode? "cpu"|"wall"|"lock" the time that is counted: "cpu", the default: that in which threads computed or were
---ready to; "wall": all time; "lock": that in which a thread held the lock of a VM while another one waited for it
---@field format? "html"|"speedscope"|"folded"|"text" default: as the path ends
---@field top? integer rows of a table; default: 20

---The iterator that `mm.progress` returns.
---@class manymoons.Progress
---@field done integer items that have ended
---@field total? integer how many items there are; nil: not known
---@field label? string the text before the bar
---@operator call: any
local Progress = {}

---Ends the bar, and closes `closing`. May be called twice.
---```lua
---local rows = mm.progress({ "a", "b", "c" })
---rows() -- takes the first one, as a loop does
---rows:close()
---```
---
---```
---progress: 0/3  stopped after 0.00 s
---```
function Progress:close() end

---The statistics that `mm.gil` returns.
---```lua
---local before = mm.gil().takes
---local worker = mm.threads.Process(math.sqrt, 2)
---worker:start()
---worker:join()
---assert(mm.gil().takes > before)
---```
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

---The names that every world has.
---@class manymoons.World
---@field name manymoons.WorldName
local World = {}

---A worker that runs one function. `start` starts it.
---```lua
---local queue = mm.Queue()
---local worker = mm.Process(function(a, b) queue:put(a + b) end, 1, 2)
---worker:start()
---assert(queue:get() == 3)
---worker:join()
---```
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
---```lua
---local factor = 10
---local pool = mm.Pool(2)
---local products = pool:map(function(x) return factor * x end, { 1, 2, 3 })
---assert(products[3] == 30)
---pool:close()
---pool:join()
---```
---@param workers? integer how many; default: cpu_count()
---@param initializer? function called first in each worker; if it raises, so does Pool
---@param initargs? any[] its arguments
---@param maxtasksperchild? integer replace a worker after this many calls
---@return manymoons.Pool
---@overload fun(options: manymoons.PoolOptions): manymoons.Pool
---@overload fun(options: manymoons.BrokerPoolOptions): manymoons.Pool
function World.Pool(workers, initializer, initargs, maxtasksperchild) end

---A queue for any number of producers and consumers, in any world of this program.
---```lua
---local queue = mm.Queue(2)
---assert(queue:put("first") and queue:put("second"))
---assert(queue:full())
---assert(queue:get() == "first")
---```
---@param maxsize? integer how many values fit, up to 2147483647; absent or 0: limited only by memory
---@return manymoons.Queue
---@overload fun(options: manymoons.QueueOptions): manymoons.Queue
---@overload fun(options: manymoons.BrokerQueueOptions): manymoons.Queue
function World.Queue(maxsize) end

---A queue without a maxsize.
---```lua
---local queue = mm.SimpleQueue()
---queue:put({ 1, 2 })
---assert(queue:get()[2] == 2)
---```
---@return manymoons.SimpleQueue
function World.SimpleQueue() end

---A queue that can be joined: `join` waits until every value that was put is done.
---```lua
---local queue = mm.JoinableQueue()
---queue:put("a job")
---local job = queue:get()
---queue:task_done()
---assert(job == "a job" and queue:join())
---```
---@param maxsize? integer how many values fit, up to 2147483647; absent or 0: limited only by memory
---@return manymoons.JoinableQueue
---@overload fun(options: manymoons.QueueOptions): manymoons.JoinableQueue
---@overload fun(options: manymoons.BrokerQueueOptions): manymoons.JoinableQueue
function World.JoinableQueue(maxsize) end

---A queue that gives the smallest item first: a number or a string, or a list that begins with one, as Python's.
---```lua
---local queue = mm.PriorityQueue()
---queue:put({ 2, "code" })
---queue:put({ 1, "eat" })
---queue:put({ name = "sleep" }, { priority = 3 })
---assert(queue:get()[2] == "eat" and queue:get()[2] == "code" and queue:get().name == "sleep")
---```
---@param maxsize? integer how many values fit, up to 2147483647; absent or 0: limited only by memory
---@return manymoons.PriorityQueue
---@overload fun(options: manymoons.QueueOptions): manymoons.PriorityQueue
function World.PriorityQueue(maxsize) end

---Two connections: one receives the values that the other sends.
---```lua
---local here, there = mm.Pipe()
---local worker = mm.Process(function(connection) connection:send(connection:recv() * 2) end, there)
---worker:start()
---here:send(21)
---assert(here:recv() == 42)
---worker:join()
---```
---@param duplex? boolean false: the first only receives, the second only sends
---@return manymoons.Connection first
---@return manymoons.Connection second
function World.Pipe(duplex) end

---One number in shared memory.
---```lua
---local counter = mm.Value("i64", 5)
---local worker = mm.Process(function() counter:add(1) end)
---worker:start()
---worker:join()
---assert(counter.value == 6)
---```
---@param type string "i8" "u8" "i16" "u16" "i32" "u32" "i64" "u64" "f32" "f64", "char" for text, or the letter of Python's ctypes
---@param initial? number default 0
---@return manymoons.Value
---@overload fun(type: table<string, string>|string[][], initial?: table): table<string, number|string>
function World.Value(type, initial) end

---Numbers of one type in shared memory. Raises "ENOMEM: …" if there is no memory for it.
---```lua
---local squares = mm.Array("f64", 100) -- each is 0
---mm.Pool(2):map(function(i) squares[i] = i * i end, { 1, 2, 3 })
---assert(squares[3] == 9 and squares[4] == 0 and #squares == 100)
---local text = mm.Array("char", "hello moon")
---text.value = "hi"
---assert(text.value == "hi" and #text == 10 and text[2] == "i")
---local points = mm.Array({ x = "f64", id = "i32" }, 10)
---points[1].x = 2.5
---assert(points[1].x == 2.5 and points[1].id == 0)
---```
---@param type string as for Value
---@param source integer|number[]|string how many elements, all 0; or a list of them; or a text, of char
---@return manymoons.Array
---@overload fun(type: table<string, string>|string[][], source: integer|table[]): manymoons.StructArray
function World.Array(type, source) end

---A table in shared memory, for all workers, without a server.
---```lua
---local ages = mm.Table({ Ada = 36 })
---local worker = mm.Process(function() ages.Alan = 41 end)
---worker:start()
---worker:join()
---assert(ages.Alan == 41 and ages.Ada == 36)
---```
---@param source? table its pairs are copied
---@param options? { max_bytes?: integer } how many bytes its keys and values have, as they are sent, with 16 for each key:
---setting a key beyond it raises "Table: full: …" and changes nothing
---@return manymoons.Table
---@overload fun(options: { max_bytes: integer }): manymoons.Table
function World.Table(source, options) end

---A copy of a table, and of all tables in it, that never changes, in shared memory: all workers of the program read the
---one copy in place, without a lock. Sending it, or a table in it, costs the same at any size. It is freed with the last
---use of it in any worker, however that ends; nothing closes it.
---
---Fields, `#`, `ipairs` and `pairs` are as those of the table, and so is `==`: `f.a == f.a`, and what was shared or
---led back still is and does. `for key, value in f do` does what pairs does, on each Lua: Lua 5.1 and LuaJIT have no
---pairs and ipairs for it. Assigning raises. A field costs up to three times what a plain table's does, once a table
---has been read some times; the first reads of a table cost some 0.1 µs each.
---
---It holds strings, numbers, booleans and tables. What else there is raises, naming its path; so does an object of a
---class, because its methods would not come along.
---```lua
---local prices = mm.freeze({ tea = 3, cakes = { lemon = 4, plum = 5 } })
---local worker = mm.Process(function() assert(prices.cakes.plum == 5) end)
---worker:start()
---worker:join()
---assert(not pcall(function() prices.tea = 1 end) and prices.tea == 3)
---```
---@param source table
---@return table frozen a userdata that reads as `source`; a frozen table is returned as it is
function World.freeze(source) end

---An ordinary table with the contents of a frozen one, and copies of the tables in it, which the caller may change.
---```lua
---local frozen = mm.freeze({ list = { 1, 2 } })
---local copy = mm.thaw(frozen)
---copy.list[3] = 3
---assert(#copy.list == 3 and #frozen.list == 2)
---```
---@param frozen table
---@return table
function World.thaw(frozen) end

---A named block of bytes that other programs can open: POSIX shared memory, Python's multiprocessing.shared_memory.
---Unless created with `keep`, a block is unlinked when the program ends, whichever of its workers created it; and at
---once when the process that created it, program or worker, is killed by a signal.
---```lua
---local block = mm.SharedMemory({ create = true, size = 100 })
---block:write(0, "hello")
---local same = mm.SharedMemory({ name = block.name }) -- in any program
---assert(same:read(0, 5) == "hello")
---```
---@param options { name?: string, create?: boolean, size?: integer, keep?: boolean } size in bytes, with create
---@return manymoons.SharedMemory? block nil with a reason
---@return string? why "EEXIST: …", "ENOENT: …", "EFBIG: …" beyond the limit of file sizes (ulimit -f), …
function World.SharedMemory(options) end

---Waits for connections of other programs, or of other processes of this one. With an authkey a client that proves to
---have it may send code; without one messages bring data alone, whoever sends them, and recv raises for all else.
---```lua
---local listener = mm.Listener()
---local worker = mm.Process(function(address) mm.Client(address):send("hello") end, listener.address)
---worker:start()
---assert(listener:accept():recv() == "hello")
---worker:join()
---listener:close()
---```
---@param address? string|{ [1]: string, [2]: integer } "/path", "@name" (abstract), "host:port" or { host, port }, port 0
---for any; absent: an abstract name to which only processes of this user may connect. A file at which nobody listens any
---more is replaced; of several listeners that begin at one path at once, one gets it.
---@param options? { authkey?: string, max_message?: integer } max_message in bytes, at most 2^31
---@return manymoons.Listener? listener nil with a reason
---@return string? why "EADDRINUSE: …", …
function World.Listener(address, options) end

---Connects to a Listener, and waits until it accepts. With an authkey both sides prove that they have it (HMAC-SHA256); without one messages bring
---data alone. Messages are neither encrypted nor signed: use addresses that only trusted programs can reach.
---
---The connection can be sent to other workers of the program, as a Listener can; unread messages go along. Let one worker
---receive from it, and one send to it. The other side sees its end when all copies are closed; a forked worker has a copy
---of all that were open when it began.
---```lua
---local listener = mm.Listener("127.0.0.1:0", { authkey = "a key" })
---local worker = mm.Process(function(address)
---  mm.Client(address, { authkey = "a key" }):send({ 1, 2, 3 })
---end, listener.address)
---worker:start()
---assert(#listener:accept():recv() == 3)
---worker:join()
---```
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
---```lua
---local manager = mm.Manager()
---local scores = manager:dict({ Ada = 1 })
---local worker = mm.Process(function() scores.Ada = scores.Ada + 1 end)
---worker:start()
---worker:join()
---assert(scores.Ada == 2)
---manager:close()
---```
---@param options? { address?: string, authkey?: string, trust?: "peer"|"data", initializer?: function, initargs?: any[] } address
---and authkey as for a Listener, for other programs to connect, not in serial; trust: default "peer"; initializer: called
---with initargs on the server before it serves
---@return manymoons.Manager
function World.Manager(options) end

---An object in a worker of its own. factory(…) makes it there; actor:name(…) calls its method `name` there, waits, and
---returns its results. Calls run one after the other, in the order in which they came, or as many at once as
---`concurrent` says. A method's error is raised where it was called, and the actor goes on. When its worker dies, the calls
---under way, and all later ones, fail with kind "died"; with restart = "always" a new worker makes a new object, and
---later calls, and those that no worker had taken, go there. An actor ends with stop, or with the worker that made it.
---```lua
---local function new_account(start)
---  local account = { balance = start }
---  function account:add(n)
---    self.balance = self.balance + n
---    return self.balance
---  end
---  return account
---end
---local account = mm.Actor(new_account, 10)
---assert(account:add(5) == 15)
---account:stop()
---```
---@param factory fun(...: any): any what returns the object: a table or a userdata
---@param ... any its arguments
---@return manymoons.Actor actor raises what the factory raises
---@overload fun(options: manymoons.ActorOptions): manymoons.Actor
function World.Actor(factory, ...) end

---Waits until one of many things is ready, or all are, or one has failed: a queue or connection from which a value, or the end, can be taken
---without waiting; a process that has ended; a future that is done; a descriptor that can be read. Another consumer may
---be faster: use get_nowait or a timeout on a ready thing.
---```lua
---local empty, full = mm.Queue(), mm.Queue()
---full:put(1)
---local ready = mm.wait({ empty, full })
---assert(#ready == 1 and ready[1] == full)
---local pool = mm.Pool(2)
---local all = mm.wait({ pool:submit(math.sqrt, 16), pool:submit(math.sqrt, 9) }, { when = "all" })
---assert(#all == 2)
---```
---@param things (manymoons.Queue|manymoons.Connection|manymoons.Process|manymoons.Future|manymoons.Task|integer)[] any mixture
---@param timeout? number|{ timeout?: number, when?: "first"|"all"|"first_error" } seconds; absent: for ever; 0: does not
---wait. when: the wait ends when one is ready, which is the default; when all are; when a future or a task has failed, or
---all are ready
---@return any[] ready the ready things, in the order given
---@return string? why "timeout" if the wait ended so
function World.wait(things, timeout) end

---Takes an item from whichever of the queues has one. Each call begins with another queue, so that a busy one hides none.
---```lua
---local first, second = mm.Queue(), mm.Queue()
---second:put("item")
---local queue, item = mm.select({ first, second })
---assert(queue == second and item == "item")
---```
---@param queues manymoons.Queue[] not on a broker
---@param timeout? number seconds
---@return manymoons.Queue? queue nil with a reason if there is no item
---@return any item the item; or the reason: "timeout", or "closed" once all are closed and empty
function World.select(queues, timeout) end

---An iterator over the futures and tasks of a list, in the order in which they finish. Raises if not all are done in time.
---```lua
---local pool = mm.Pool(2)
---local sum = 0
---for future in mm.as_completed({ pool:submit(math.sqrt, 4), pool:submit(math.sqrt, 9) }) do
---  sum = sum + future:get()
---end
---assert(sum == 5)
---```
---@param futures (manymoons.Future|manymoons.Task)[]
---@param timeout? number seconds, for all of them together
---@return fun(): manymoons.Future|manymoons.Task|nil
function World.as_completed(futures, timeout) end

---Waits for at least this time.
---```lua
---local begin = mm.time()
---mm.sleep(0.01)
---assert(mm.time() - begin >= 0.01)
---```
---@param seconds number 0 or more
function World.sleep(seconds) end

---How many threads of this program can compute at once: the number of processors that its affinity allows, or that the
---quota of its control group pays for, rounded up. The environment variable MANYMOONS_WORKERS replaces it.
---```lua
---local pool = mm.Pool() -- as many workers as mm.cpu_count()
---assert(#pool:stats() == mm.cpu_count())
---```
---@return integer
function World.cpu_count() end

---The worker in which the caller runs; in the main program a table named "MainProcess".
---```lua
---assert(mm.current_process().name == "MainProcess")
---local pool = mm.Pool(1)
---local name = pool:apply(function() return mm.current_process().name end)
---assert(name == "PoolWorker-1")
---```
---@return manymoons.Identity
function World.current_process() end

---The process that started this worker; nil in the main program.
---```lua
---assert(mm.parent_process() == nil)
---local pool = mm.Pool(1)
---local pid = pool:apply(function() return mm.parent_process().pid end)
---assert(pid == mm.current_process().pid)
---```
---@return manymoons.ParentProcess?
function World.parent_process() end

---The processes that this one started and that have not ended.
---```lua
---local worker = mm.Process(mm.sleep, 60)
---worker:start()
---assert(mm.active_children()[1] == worker)
---worker:terminate()
---worker:join()
---assert(#mm.active_children() == 0)
---```
---@return manymoons.Process[]
function World.active_children() end

return mm
