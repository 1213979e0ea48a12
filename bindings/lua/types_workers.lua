---@meta
-- SPDX-License-Identifier: MIT
-- Pools and their options: continues types.lua. Nothing here is run.

---The named arguments of a Pool.
---```lua
---local pool = mm.Pool({ workers = 2, initializer = function(n) base = n end, initargs = { 10 } })
---assert(pool:apply(function(x) return base + x end, 1) == 11)
---assert(#pool:stats() == 2)
---pool:close()
---local ends = mm.Queue()
---pool = mm.Pool({ workers = 1, finalizer = function() ends:put(mm.current_process().name) end })
---pool:close()
---assert(ends:get() == "PoolWorker-1")
---local function throw() return math.random(6) end
---local a, b = mm.Pool({ seed = 7 }):map(throw, { 1, 2 }), mm.serial.Pool({ seed = 7 }):map(throw, { 1, 2 })
---assert(a[1] == b[1] and a[2] == b[2])
---```
---@class manymoons.PoolOptions
---@field workers? integer how many; default: cpu_count(); more than 4096 are taken for a mistake
---@field many_workers? boolean true: more than 4096 workers, up to a million, are meant
---@field initializer? function called first in each worker; if it raises, so does Pool
---@field initargs? any[] its arguments
---@field finalizer? function called last in each worker that ends by itself: because the pool was closed, with resize, idle or
---maxtasksperchild; not in one that is stopped or dies. What it raises is reported on stderr
---@field maxtasksperchild? integer replace a worker after this many calls
---@field name? string workers are called NAME-1, NAME-2, …; default: PoolWorker
---@field idle? number seconds without anything to do after which all workers end; the next call starts them again, with
---the initializer. The pool looks at the time while the script waits
---@field seed? integer each item draws from a stream of `math.random` of its own, made of the seed and the item's place
---in its list, or the number of the call (`apply`, `submit`): the same numbers in each world, with any number of workers
---and any chunksize, for one version of Lua. Nothing that other code draws changes them, and what the program draws
---outside of the pool stays as it is. Two lists have the same streams: give another seed to a pool whose numbers have
---to differ. Not on a broker
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
---<!-- example: not run -->
---```lua
---local pool = mm.processes.Pool({ workers = 1, sandbox = { read = { "/usr/share" } } })
---assert(pool:apply(math.max, 1, 2) == 2)
---local file, why = pool:apply(io.open, "/etc/passwd")
---assert(file == nil and why:find("Permission denied")) -- with Landlock and seccomp
---```
---@class manymoons.Sandbox
---@field read? string[] files and folders that can be read; they must exist
---@field write? string[] files and folders that can be written, and in which files can be made and removed; this does
---not allow to read them
---@field network? boolean true: TCP and UDP, and the files that the lookup of names reads; default: false

---The named arguments of a pool on a broker, a Redis or Valkey server; `manymoons worker` runs its tasks. Pool raises if the server cannot be
---reached, refuses, or would evict keys.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs", retries = 0 })
---assert(pool:apply(math.max, 1, 2) == 2) -- on a machine where `manymoons worker` runs
---```
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

---A task that was given up: lost too often, or one that was posted and failed.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---for _, letter in ipairs(pool:dead()) do print(letter.id, letter.func, letter.why) end
---```
---@class manymoons.DeadLetter
---@field id string for Pool:retry
---@field why string the reason
---@field who string the worker that recorded it
---@field at number seconds since 1970
---@field func string its function
---@field label? string of one that was posted: the function's name or place

---@alias manymoons.Library "safe"|"io"|"os"|"package"|"debug"|"ffi"|"all"

---The options of each call and each item of a list.
---```lua
---local pool = mm.Pool(1)
---local future = pool:apply_async(mm.sleep, { 60 }, { timeout = 0.05 })
---local is_ok, err = pcall(future.get, future)
---assert(not is_ok and err.kind == "timeout")
---```
---@class manymoons.CallOptions
---@field timeout? number seconds that one call may run. After that it fails with kind "timeout", and its worker is stopped
---and replaced: a process always, an interpreter within milliseconds while it runs Lua. In a C function, or in a loop that
---LuaJIT compiled, the interpreter's thread is abandoned. In the serial world a C function ends first.
---@field retries? integer how often a call whose worker died runs again before it fails with kind "died"; default: 0; on a
---broker 2
---@field retry_errors? integer how many runs more a call gets that raises, in the same worker; default: 0. A time limit counts all of
---them
---@field backoff? number seconds between the first two runs, doubled each time; default: 0
---@field priority? integer from 0 to 9; default: 5. Of the calls that no worker has begun those of the highest priority
---run first, of equal ones the first. Not on a broker, and without effect for what a task gives to its own pool

---The options of calls for each item of a list: map, starmap and reduce.
---```lua
---local pool = mm.Pool(2)
---local last
---local roots = pool:map(math.sqrt, { 1, 4, 9 }, {
---  chunksize = 1,
---  progress = function(done, total) last = done .. "/" .. total end,
---})
---assert(roots[3] == 3 and last == "3/3")
---
---local squares = pool:map(function(x) return x * x end, { 1, 2, 3 }, { resume = "squares" }) -- by and by, in a file
---assert(io.open("squares"):read("*a"):find("3\tjson\t9\t.\n", 1, true))
---```
---@class manymoons.MapOptions : manymoons.CallOptions
---@field chunksize? integer how many items a worker takes at once; default: adapts to their cost and to how many are left
---@field progress? boolean|string|function true or a label: a bar on stderr if that is a terminal, else a line every 30 s;
---or f(done, total)
---@field total_timeout? number of map and starmap: seconds for the whole list. After that its calls are cancelled, and
---those that are not done fail with kind "timeout"; `results` of the error has the others. In the serial world a call ends first. For
---`map_async` see Future:get, and for `imap` its iterator
---@field errors? "raise"|"return" "return": the mm.Error of an item that failed stands in its place; default: "raise"
---@field resume? string the path of a file in which each result is written as it comes. A later run of the same function
---on the same list takes from it what is there and runs the rest, items that failed among it, whatever ended the run
---before. A function is the same if its text and its upvalues are. Raises where the file has the results of another
---function or list, or another call writes it; a result that cannot be written fails. Not for iterators. The file is text
---that other programs may read: fields between tabs, the last one a dot, without which a line counts for nothing. Its
---first line is `manymoons 1 FUNCTION LIST ITEMS .`, with two hashes; each other one `PLACE json VALUE .`, or
---`PLACE dump BYTES .`, in hexadecimal digits for mm.loads, where JSON would not give the value back

---The options of imap and imap_unordered.
---```lua
---local pool = mm.Pool(2)
---local sum = 0
---for root in pool:imap(math.sqrt, { 1, 4, 9 }, { window = 2 }) do sum = sum + root end
---assert(sum == 6)
---```
---@class manymoons.ImapOptions : manymoons.MapOptions
---@field window? integer how many items are read ahead of the results returned; default: 4 for each worker, or one chunk

---The options of apply_async.
---```lua
---local pool = mm.Pool(1)
---local result
---pool:apply_async(math.max, { 3, 5 }, { callback = function(x) result = x end })
---pool:close()
---pool:join()
---assert(result == 5)
---```
---@class manymoons.CallbackOptions : manymoons.CallOptions
---@field callback? function called with the results, while the script waits
---@field error_callback? function called with the mm.Error, likewise

---The options of map_async and starmap_async.
---```lua
---local pool = mm.Pool(1)
---local results
---pool:map_async(math.sqrt, { 1, 4, 9 }, { callback = function(list) results = list end })
---pool:close()
---pool:join()
---assert(#results == 3)
---```
---@class manymoons.MapCallbackOptions : manymoons.MapOptions
---@field callback? function called with the list of results, while the script waits
---@field error_callback? function called with the mm.Error, likewise

---The statistics of one worker of a pool, from Pool:stats.
---```lua
---local pool = mm.Pool(1)
---pool:map(math.sqrt, { 1, 4, 9 })
---local stats = pool:stats()[1]
---assert(stats.name == "PoolWorker-1" and stats.tasks == 3)
---```
---@class manymoons.WorkerStats
---@field name string
---@field pid integer of the operating-system process
---@field tasks integer calls that have ended
---@field busy number seconds in calls
---@field waiting number seconds without a call, since it first asked for work
---@field startup number seconds until it first asked for work
---@field bytes_in integer bytes of calls received; 0 if nothing is copied
---@field bytes_out integer bytes of results sent

---Workers that run many calls. When a worker dies (is killed, calls os.exit, runs out of memory), the call it was
---running fails with kind "died", or runs again if `retries` allows; the others continue, and a new worker takes its
---place. A pool belongs to the process that created it. It is terminated when it is collected or (Lua 5.4) goes out of a
---`<close>` scope. Deaths, time-outs and callbacks are handled whenever the script waits, for the pool or for anything else.
---
---The pool can be sent to its own tasks alone, which may give it work: all its methods for calls and lists are theirs, too.
---A wait in a task, of Future:get, Pool:map and the others, runs other tasks of the pool meanwhile, the youngest that the
---task's worker has first, then the oldest of other workers; so a problem may be divided into tasks within tasks, to any
---depth and with any number of workers. The worlds that copy values copy these, whichever worker runs them. What nobody
---waits for runs as well, before the worker ends. A task has no broadcast, warm, resize, close, join and stats of its pool,
---and no `timeout` for a call of its own: that of the pool's call counts for all of it. A call that has begun is not
---cancelled. Workers with a `sandbox`, and those of a broker, cannot give work to their pool.
---```lua
---local pool = mm.Pool(2)
---local function fib(n)
---  if n < 2 then return n end
---  local first = pool:submit(fib, n - 1)
---  return fib(n - 2) + first:get()
---end
---assert(pool:apply(fib, 10) == 55)
---```
---@class manymoons.Pool
local Pool = {}

---Calls f(item) for each item and returns the results in order. If items fail, it raises the mm.Error of the first of
---them after all have run: its field `results` has the results of the others, its field `errors` all errors, by index.
---An item that cannot be sent fails in the same way, with kind "unsendable". Each item is copied for itself: a table that
---two items share arrives as two.
---```lua
---local pool = mm.Pool(2)
---local squares = pool:map(function(x) return x * x end, { 1, 2, 3 })
---assert(squares[1] == 1 and squares[2] == 4 and squares[3] == 9)
---pool:close()
---```
---@param f function|table
---@param list any[] with a field n if some are nil
---@param options? manymoons.MapOptions
---@return any[] results the first result of each call; nil if it returned none
function Pool:map(f, list, options) end

---As map; each item is a list of arguments.
---```lua
---local pool = mm.Pool(2)
---local powers = pool:starmap(function(a, b) return a ^ b end, { { 2, 3 }, { 3, 2 } })
---assert(powers[1] == 8 and powers[2] == 9)
---pool:close()
---```
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapOptions
---@return any[] results
function Pool:starmap(f, list, options) end

---An iterator over the results, in order, which reads items as results are requested. It raises the mm.Error of an item
---that failed, and continues with the next one. A result of nil becomes false. What the source raises comes where its
---item would have come, and is the end. With the iterator of a queue (`q:iter()`) a result comes as soon as it is there,
---also while the queue is empty. Items of a list are all sent when the pool is closed; an iterator's later ones are lost.
---```lua
---local pool = mm.Pool(2)
---local last
---for root in pool:imap(math.sqrt, { 1, 4, 9 }) do last = root end
---assert(last == 3)
---local next_result = pool:imap(mm.sleep, { 60 })
---assert(select(2, next_result(0.01)) == "timeout") -- it can be asked for again
---pool:terminate()
---```
---@param f function|table
---@param items any[]|function a list, or a function that returns the next item, until nil (`q:iter()`)
---@param options? manymoons.ImapOptions
---@return fun(timeout?: number): any, string? # called with seconds: nil and "timeout" if the result does not come by then;
---the wait for an item of a function is not counted
function Pool:imap(f, items, options) end

---As imap, in the order in which the results arrive.
---```lua
---local pool = mm.Pool(2)
---local sum = 0
---for root in pool:imap_unordered(math.sqrt, { 1, 4, 9 }) do sum = sum + root end
---assert(sum == 6)
---pool:close()
---```
---@param f function|table
---@param items any[]|function
---@param options? manymoons.ImapOptions
---@return fun(timeout?: number): any, string?
function Pool:imap_unordered(f, items, options) end

---As map, without waiting: returns a future for the list.
---```lua
---local pool = mm.Pool(2)
---local future = pool:map_async(math.sqrt, { 1, 4, 9 })
----- … other work …
---assert(future:get()[3] == 3)
---pool:close()
---```
---@param f function|table
---@param list any[]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:map_async(f, list, options) end

---As starmap, without waiting.
---```lua
---local pool = mm.Pool(2)
---local future = pool:starmap_async(math.max, { { 1, 2 }, { 4, 3 } })
---assert(future:get()[2] == 4)
---pool:close()
---```
---@param f function|table
---@param list any[][]
---@param options? manymoons.MapCallbackOptions
---@return manymoons.Future
function Pool:starmap_async(f, list, options) end

---Folds the results of f on the workers: op(op(f(list[1]), f(list[2])), …). op must be associative.
---```lua
---local pool = mm.Pool(2)
---local function add(a, b) return a + b end
---assert(pool:reduce(math.sqrt, { 1, 4, 9 }, add) == 6)
---assert(pool:reduce(math.sqrt, {}, add, 0) == 0)
---pool:close()
---```
---@param f function|table
---@param list any[]
---@param op function of two values
---@param init? any the first operand; without it, an empty list is an error
---@param options? manymoons.MapOptions without chunksize
---@return any
function Pool:reduce(f, list, op, init, options) end

---A new list of the items for which f is true, in their order; the items themselves, not copies. The workers call f for some
---items at a time.
---```lua
---local pool = mm.Pool(2)
---local even = pool:filter(function(x) return x % 2 == 0 end, { 1, 2, 3, 4 })
---assert(#even == 2 and even[1] == 2 and even[2] == 4)
---pool:close()
---```
---@param f function|table
---@param list any[]
---@param options? manymoons.MapOptions `timeout` (of some items at a time), `retries` and `progress`
---@return any[]
function Pool:filter(f, list, options) end

---The first item, in the list's order, for which f is true. What comes behind it is cancelled; an error there does not count.
---```lua
---local pool = mm.Pool(2)
---local item, place = pool:find(function(x) return x > 20 end, { 10, 20, 30, 40 })
---assert(item == 30 and place == 3)
---pool:close()
---```
---@param f function|table
---@param list any[]
---@param options? manymoons.MapOptions as for filter
---@return any item nil if there is none
---@return integer? place
function Pool:find(f, list, options) end

---A new list of the same items in order, as table.sort orders them; the list itself stays as it is. The workers sort parts of it
---(a sample sort), so that items go there and back as copies in worlds whose workers have VMs of their own. Not stable.
---```lua
---local pool = mm.Pool(2)
---local list = { 3, 1, 2 }
---local sorted = pool:sort(list, function(a, b) return a > b end)
---assert(sorted[1] == 3 and sorted[3] == 1 and list[2] == 1)
---pool:close()
---```
---@param list any[] without nil
---@param less? fun(a: any, b: any): boolean default: <
---@param options? manymoons.MapOptions as for filter
---@return any[]
function Pool:sort(list, less, options) end

---Calls f(…) once in each worker, and waits for all of them. A worker that is busy has its call when it can; the others wait for
---it. Raises the first error once all have ended. Not for pools on a broker.
---```lua
---local pool = mm.Pool(2)
---local pids = pool:broadcast(function() return mm.current_process().pid end)
---assert(pids.n == 2 and pids[1] ~= pids[2])
---pool:close()
---```
---@param f function|table
---@param ... any
---@return any[] results the first result of each, in no order; field `n` is their number
function Pool:broadcast(f, ...) end

---Waits until all workers have started and have run the initializer. Not for pools on a broker.
---```lua
---local started = mm.Value("i32")
---local pool = mm.Pool(2, function() started:add(1) end)
---assert(pool:warm() and started.value == 2)
---pool:close()
---```
---@return true
function Pool:warm() end

---Changes the number of workers, at most 4096, while calls run: new ones start at once, with the initializer; those that
---are too many end when they have done what they run. Does nothing in the serial world; not for a pool on a broker.
---```lua
---local pool = mm.Pool(1)
---pool:resize(3)
---assert(#pool:stats() == 3)
---pool:resize(1) -- two of them end, while the script waits
---assert(pool:apply(math.max, 5, 3) == 5)
---pool:close()
---```
---@param count integer
function Pool:resize(count) end

---Makes one call and waits for its results. Futures and tasks among the arguments stand for their values, as for submit.
---```lua
---local pool = mm.Pool(1)
---local least, most = pool:apply(function(a, b) return math.min(a, b), math.max(a, b) end, 5, 3)
---assert(least == 3 and most == 5)
---pool:close()
---```
---@param f function|table
---@param ... any
---@return any ... the results of f; raises an mm.Error if the call failed
function Pool:apply(f, ...) end

---Makes one call without waiting for it. Raises if the function or an argument cannot be sent. A future of any pool, or a
---task, among the arguments stands for its first result: the call waits for it without keeping a worker, and fails with
---its error if it fails. In the serial world the caller waits. A pool on a broker takes futures of its own alone.
---```lua
---local pool = mm.Pool(1)
---local five, three = pool:submit(math.max, 5, 3), pool:submit(math.min, 5, 3)
---local future = pool:submit(math.pow or function(x, y) return x ^ y end, five, three)
---assert(future:get() == 125)
---pool:close()
---```
---@param f function|table
---@param ... any
---@return manymoons.Future
function Pool:submit(f, ...) end

---As submit, with a list of arguments, in which futures stand for their values, and options.
---```lua
---local pool = mm.Pool(1)
---local future = pool:apply_async(math.max, { 5, 3 }, { timeout = 60 })
---assert(future:get() == 5)
---pool:close()
---```
---@param f function|table
---@param arguments? any[] with a field n if some are nil
---@param options? manymoons.CallbackOptions
---@return manymoons.Future
function Pool:apply_async(f, arguments, options) end

---Statistics of the current workers, or of those that the pool had when it was joined.
---```lua
---local pool = mm.Pool(2)
---pool:map(math.sqrt, { 1, 4, 9 })
---local stats = pool:stats()
---assert(stats[1].tasks + stats[2].tasks == 3)
---```
---@return manymoons.WorkerStats[]
function Pool:stats() end

---For a pool on a broker: hands a task to the server, and returns once the server has it. The task runs, and has one outcome, whatever
---becomes of this program: mm.result and mm.cancel take its id in any program.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---local id = pool:post(function(name) return "hello " .. name end, { "moon" }, { delay = 5, retries = 3 })
---assert(mm.result("redis://127.0.0.1/0", id) == "hello moon")
---```
---@param f function|string as in submit; "module:function" where there are many tasks, for code goes with each of them
---@param args? any[]
---@param options? manymoons.PostOptions
---@return string id the pool's name, ":", and a name that no other task has
---@return "duplicate"? duplicate the id is that of a task with the same key (option `unique`)
function Pool:post(f, args, options) end

---For a pool on a broker: has a function run at the times that a line of cron says, in UTC. The server keeps the schedule, workers put its
---tasks into the queue, and each time has one run, however many programs say the same. A second schedule of a name replaces the first. The
---id of a run is the pool's name, ":cron.", the schedule's name, "-" and its time: "jobs:cron.nightly-1767225600".
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---local at = pool:schedule("nightly", "30 2 * * mon-fri", "reports:send", { "moon@example.org" })
---print("first run", os.date("!%c", at))
---```
---@param name string letters, digits, "_", "." and "-", at most 57
---@param times string minute, hour, day, month, weekday; or "@hourly", "@daily", "@weekly", "@monthly", "@yearly"
---@param f function|string
---@param args? any[]
---@param options? manymoons.ScheduleOptions
---@return number at seconds since 1970 of its next run
function Pool:schedule(name, times, f, args, options) end

---For a pool on a broker: ends a schedule. A run whose time has come is not cancelled.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---assert(pool:unschedule("nightly"))
---```
---@param name string
---@return boolean was_there
function Pool:unschedule(name) end

---For a pool on a broker: its dead letters, the newest last.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---assert(#pool:dead() == 0)
---```
---@return manymoons.DeadLetter[]
function Pool:dead() end

---For a pool on a broker: runs a dead letter again, signed anew. The result of a call goes to no caller; a task that was posted gets an id of
---its own, and one that came as JSON keeps the one it had.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---for _, letter in ipairs(pool:dead()) do assert(pool:retry(letter.id)) end
---```
---@param id string
---@return boolean? put true, or nil
---@return string? id of the task that was posted; or why there is no dead letter with that id
function Pool:retry(id) end

---Accepts no more calls. Submitted calls still run.
---```lua
---local pool = mm.Pool(1)
---local future = pool:submit(math.sqrt, 16)
---pool:close()
---assert(future:get() == 4)
---assert(not pcall(pool.submit, pool, math.sqrt, 25))
---```
function Pool:close() end

---Stops the workers at once. Calls that are not done fail with kind "cancelled". Safe to call twice.
---```lua
---local pool = mm.Pool(1)
---local future = pool:submit(mm.sleep, 60)
---pool:terminate()
---local is_ok, err = pcall(future.get, future)
---assert(not is_ok and err.kind == "cancelled")
---```
function Pool:terminate() end

---Waits until all calls are done and the workers have ended. Raises unless close or terminate was called before.
---```lua
---local pool = mm.Pool(1)
---local future = pool:submit(math.sqrt, 16)
---pool:close()
---assert(pool:join())
---assert(future:ready())
---```
---@param timeout? number seconds
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Pool:join(timeout) end
