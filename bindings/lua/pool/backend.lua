-- SPDX-License-Identifier: MIT
-- The interfaces of a pool: a dispatcher, a backend, and the sinks of tasks. A missing function is
-- an error when the pool begins.
--
--   Pool's methods, lists, futures ──► dispatcher ──► backend ──► workers
--                sink ◄── items of tasks ──┘
--
-- pool/dispatcher.lua is the dispatcher of pools of this machine, broker/client.lua that of pools
-- on a broker. The backends are pool/pool_rings.c (workers with VMs of their own),
-- pool/local/vm_backend.lua (threads and tasks of this VM) and pool/local/serial_backend.lua (no workers).
--
-- The protocol between a list, which is the sink of its tasks, and the dispatcher. A task's items
-- are numbered from 1; `answered` says up to which one all are known.
--
--   1  dispatcher.put(pool, task)   The list cuts a slice and puts it as a task.
--   2  sink:take(task, first, …)    Results of the items from `first` on, in order.
--      sink:fail(task, index, err)  The item ran too long, was cancelled, or its worker died.
--   3  sink:give_back(task, last)   Only if sink.takes_back: the items behind `last` have not begun.
--                                   The list puts them again, as parts of other tasks.
--   4  sink:finished(task)          Once, last: no more results. The list may put more tasks now.
--      sink:feed()                  After a give_back without a finished: the list may put more tasks.
--
-- Each item is answered once, by `take` or by `fail`. task.settled has the items that failed out of
-- order; a later `take` that covers them skips them.
--
-- A call is the same with one item and `take_call` in the place of `take`. Sinks are called while
-- results are taken: they may call put, but no function that waits, and no code of users but
-- progress functions.
local backend = {}

---One message to the workers: a call, or a slice of a list.
---@class PoolTask
---@field mode integer CALL, MAP or STARMAP (pool/protocol.h)
---@field entry PoolEntry its function, of which the task counts as one user
---@field sink PoolSink
---@field count integer its items
---@field args table? of a call: { n = }
---@field list table? of a slice: the items are list[first … first + count - 1]
---@field first integer?
---@field base integer? of a slice: item i has the index base + i in its sink's list; of a call in a pool with a seed:
---its place is base + 1
---@field timeout number? seconds for each item
---@field priority integer? from 0 to 9
---@field retries integer? how often an item runs again whose worker died
---@field returns boolean? the rest comes back where the items take long
---@field is_each boolean? as if each item were a task of its own
---@field is_answered_at_once boolean? each item's result comes as soon as it is there
---@field id number given by the dispatcher: names the task in messages
---@field number number? given by the backend: names it in claims
---@field answered integer the items up to this one are known
---@field skip integer of a stored one: so many items are not run again
---@field settled table<integer, true>? items that failed out of order

---A function that the dispatcher keeps.
---@class PoolEntry
---@field users integer tasks, lists and others that need it: drop_function takes one off

---Takes results and failures of the items of its tasks; see the protocol above.
---@class PoolSink
---@field takes_back boolean? whether it has give_back and feed; nil is false
---Of lists: results and failures by place, and how long the items took together.
---@field take fun(self, task: PoolTask, first: integer, count: integer, ns: number, results: table, failures: table?)
---Of calls: their results, or { error }.
---@field take_call fun(self, task: PoolTask, ok: boolean, results: table)
---An item fails with this error.
---@field fail fun(self, task: PoolTask, index: integer, err: table)
---The items behind `last` have not begun.
---@field give_back fun(self, task: PoolTask, last: integer)
---The task has ended; the sink gets nothing more of it.
---@field finished fun(self, task: PoolTask)
---Puts more tasks, as far as there is room.
---@field feed fun(self)

---The user's settings; they never change, but for the number of workers (Pool:resize).
---@class PoolConfig
---@field name string the names of workers begin with it
---@field row table the world's row in core/worlds.lua, or one like it
---@field world string the world's name
---@field broker string? the broker's URL, as it may be shown
---@field workers integer? how many
---@field idle number? seconds without a task after which the workers end, until there is one again
---@field initializer function?
---@field initargs table { n = }
---@field max_tasks integer? calls after which a worker is replaced
---@field limits table? of memory, libraries and the like for each worker (worker/limits.lua)
---@field cpus integer[]|"each"|nil the processors of the workers (worker/processors.lua)
---@field timeout number? seconds for each item, where the call says nothing else
---@field retries integer where the call says nothing else
---@field seed integer? of the streams of math.random: each item has one, by its place (async/streams.lua)
---@field takes_text boolean a function may be named, or given as its source
---@field pid integer the process that made the pool
---@field context any the thread or worker task that made the pool (core/identity.lua)

---The functions of a pool that Pool's methods, lists, futures and progress call, as
---pool._dispatcher.
---@class PoolDispatcher
---Encodes it, or finds it encoded; the caller is one user of it.
---@field add_function fun(pool: table, f: function|string): PoolEntry
---Takes one user off.
---@field drop_function fun(pool: table, entry: PoolEntry)
---Sends a task; raises if it cannot be sent, and then there is none. Stored: it can be sent again
---without its list.
---@field put fun(pool: table, task: PoolTask, is_cancellable: boolean?, is_stored: boolean?): PoolTask
---Puts a call. entry: of the function, if it was added before.
---@field submit_call fun(pool: table, f: any, opts: table?, args: table, sink: PoolSink, may_cancel: boolean,
---entry: PoolEntry?): PoolTask
---In a pool with a seed: the place of a call that is made now, for opts.place of submit_call.
---@field next_place fun(pool: table): integer?
---Cancels a task, or all in work.tasks; true if an item of it could be cancelled.
---@field cancel fun(pool: table, work: table): boolean
---Whether a worker runs the task, or one of work.tasks, as far as that is known.
---@field is_running fun(pool: table, work: table): boolean
---Takes results until thing._is_done: true; or nil and "timeout" or "cancelled".
---@field pump_until fun(pool: table, thing: table, timeout: number?): true?, string?
---The thing that mm.wait waits for until a future may be done, and workers whose death ends the
---wait, too.
---@field waitable fun(pool: table, future: table?): any, boolean, table?
---Replaces dead workers and checks timeouts, without waiting. Called while the script waits for
---something else. → whether it did something, or will when a time has come.
---@field maintain fun(pool: table): boolean
---For each worker what it has done.
---@field measures fun(pool: table): table[]
---The same, also of a pool that was joined.
---@field stats fun(pool: table): table[]
---Raises at the caller's caller if the caller cannot submit. In a task of the pool: the pool as that has it
---(pool/forks/forks.lua).
---@field check_open fun(pool: table, where: string): table?
---No more tasks; those that were submitted are done.
---@field close fun(pool: table)
---Waits for everything, and ends the pool; nil and why.
---@field join fun(pool: table, deadline: number?): true?, string?
---Ends the pool; open tasks fail with kind "cancelled".
---@field terminate fun(pool: table)
---Ends a pool that was collected: it waits for nothing, and calls nothing of the script's.
---@field abandon fun(pool: table)
---Starts or ends workers, so that there are so many.
---@field resize fun(pool: table, count: integer)
---Workers, as far as they are known.
---@field size fun(pool: table): integer
---Nothing runs any more.
---@field has_ended fun(pool: table): boolean
---No more tasks are taken.
---@field is_closed fun(pool: table): boolean
---The error by which the pool broke.
---@field failure fun(pool: table): table?
---Whether the task can still be answered.
---@field is_open fun(pool: table, task: PoolTask): boolean
---The program ends: takes the results that are there.
---@field take_last fun(pool: table)
---The program ends: the calls of a future that have not begun will not; how many they are.
---@field withdraw fun(pool: table, work: table): integer
---Of a broker: the id of a task that the server has from then on.
---@field post fun(pool: table, f: any, args: table, opts: table?): string
---Of a broker: keeps a schedule; the time of its next run.
---@field schedule fun(pool: table, name: string, times: string, f: any, args: table, opts: table?): number
---Of a broker: takes a schedule away; whether there was one.
---@field unschedule fun(pool: table, name: string): boolean
---Of a broker: the tasks that were given up.
---@field dead fun(pool: table): table[]?, string?
---Of a broker: runs such a task again.
---@field retry fun(pool: table, id: string): true?, string?
local DISPATCHER = {
  "add_function", "drop_function", "put", "submit_call", "next_place", "cancel", "is_running", "pump_until", "waitable",
  "maintain", "measures", "stats", "check_open", "close", "join", "terminate", "abandon", "resize", "size", "has_ended",
  "is_closed", "failure", "is_open", "take_last", "withdraw", "post", "schedule", "unschedule", "dead", "retry",
}

---Carries tasks and results of a pool, as pool._backend. Workers are handles with the methods of
---worker/worker.c. A place names a value that the backend keeps, a number a task that it has put.
---@class PoolBackend
---A worker is about to start: it gets the globals as they are now. follows: no code of the script has run since
---the last one started.
---@field watch_globals fun(self, follows: boolean?)
---Keeps a function: its number, its place and which globals it uses; nil and why.
---@field add_function fun(self, f: function): number?, any, any
---Whether a function that uses these globals does as when it was added.
---@field is_current fun(self, uses: any): boolean
---Keeps arguments: their place; nil and why.
---@field store fun(self, ...): any, string?
---Keeps list[first … last].
---@field store_slice fun(self, list: table, first: integer, last: integer): any, string?
---Frees the values at this place.
---@field drop fun(self, place: any)
---A call state, by which a task can be cancelled before it begins; nil and why.
---@field call_state fun(self): any, string?
---Its task has ended.
---@field return_call_state fun(self, call_state: any)
---Its task is put again.
---@field requeue fun(self, call_state: any)
---True: its task will not begin.
---@field cancel fun(self, call_state: any): boolean
---The timeout of each item of the tasks that are put from now on; for backends that run tasks in
---this VM.
---@field set_timeout fun(self, seconds: number?)
---The priority of the tasks that are put from now on, from 0 to 9: the highest first.
---@field set_priority fun(self, priority: integer)
---Of pools with a seed: the place of a call that a task makes, which runs in the same worker at once; nil elsewhere.
---@field next_place fun(self): number?
---Of pools with a seed: item i of the task that is put next has the place base + i.
---@field set_base fun(self, base: integer)
---put(mode, flags, id, number, place, call_state or nil, arguments…): sends a call of the function
---at number and place. The number by which claims name the task; nil and why.
---@field put fun(self, ...: any): number?, string?
---The same with list, first and last in the place of arguments: sends a slice.
---@field put_slice fun(self, ...: any): number?, string?
---The same with a place and a count: sends the values at this place without so many
---items at their beginning.
---@field put_stored fun(self, ...: any): number?, string?
---An answer: id (0: of an initializer), outcome, first, count, ns, values…; nil and "timeout"; or
---nil and "check": a worker may have died, or another thread has taken what there was.
---@field take fun(self, workers: table[], timeout: number?): number?, any, ...
---Ready when take may have something.
---@field waitable fun(self): any
---Other threads that sleep in take return.
---@field wake fun(self)
---Whether none has died.
---@field all_live fun(self, workers: table[]): boolean
---Of a worker that ended: the number of the task that it had, or 0; the item that ran, or 0.
---@field claim fun(self, worker: any): number, integer
---The same of a live worker, and for how many seconds the item has run.
---@field running fun(self, worker: any): number, integer, number
---The worker ends soon; true: it is still at this task (and item), and begins nothing else.
---@field request_stop fun(self, worker: any, number: number, item: integer?): boolean
---The worker ends when it has done what it runs.
---@field request_leave fun(self, worker: any)
---The last item of the task that the worker begins, from now on; nil: it has no such task.
---@field limit fun(self, worker: any, number: number): integer?
---Of a worker that died: the first item and the results that it had not sent.
---@field recover fun(self, worker: any, number: number): integer?, ...
---Puts the answers that a worker of this VM had not sent when it ended. What its tasks had given to the pool, and it
---had not run, fails with make_error().
---@field rescue fun(self, worker: any, make_error: fun(): table)
---Calls, seconds busy, seconds since it was ready, seconds to start, bytes in, bytes out.
---@field measures fun(self, worker: any): integer, number, number, number, number, number
---If the caller is a worker of the pool in this VM: the pool as its tasks have it (pool/forks/beside.lua).
---@field as_worker fun(self, pool: table): table?
---The pool has ended: what tasks have given to it fails with make_error().
---@field end_forks fun(self, make_error: fun(): table)
---No more tasks: workers end when they have done the remaining ones.
---@field close fun(self)
---Forgets the tasks that no worker has taken.
---@field drain fun(self)
---What is dropped from now on may still be used by workers that are not waited for.
---@field defer_drops fun(self)
local BACKEND = {
  "watch_globals", "is_current",
  "add_function", "store", "store_slice", "drop", "call_state", "return_call_state", "requeue", "cancel",
  "set_timeout", "set_base", "set_priority", "next_place", "put", "put_slice", "put_stored", "take", "waitable", "wake",
  "all_live", "claim", "running", "request_stop", "request_leave", "limit", "recover", "rescue", "measures",
  "as_worker", "end_forks", "close", "drain", "defer_drops",
}

---One for each word that a row of core/worlds.lua has as `backend`.
---@class PoolBackendClass
---Nil and why.
---@field new fun(row: table): PoolBackend?, string?
---Starts a worker: its handle; next_name is for backends that replace workers themselves.
---@field start fun(backend: PoolBackend, config: PoolConfig, settings: table, next_name: fun(): string): any
local BACKEND_CLASS = { "new", "start" }

local function check(thing, names, what)
  for _, name in ipairs(names) do
    if type(thing[name]) ~= "function" then error(what .. " has no function '" .. name .. "'", 0) end
  end
end

local checked = setmetatable({}, { __mode = "k" }) -- dispatchers, which many pools share

function backend.check_dispatcher(dispatcher)
  if checked[dispatcher] then return end
  check(dispatcher, DISPATCHER, "the pool's dispatcher")
  checked[dispatcher] = true
end

function backend.check_backend(object) check(object, BACKEND, "the pool's backend") end
function backend.check_class(class) check(class, BACKEND_CLASS, "the class of the pool's backend") end

return backend
