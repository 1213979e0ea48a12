-- SPDX-License-Identifier: MIT
-- The interface between pools and queues and one kind of server. A backend is a module with a class for each kind of
-- session (redis.lua is one); settings.lua picks it by the scheme of the URL.
--
-- Above this line are the rules: each task has one outcome, tasks are submitted in order, what a server forgot is
-- submitted again, a lost task is repeated as often as its client allows (client.lua, tasks.lua, worker.lua,
-- queue.lua). Below it are connections, commands and keys.
--
-- I1  A session belongs to one thread at a time.
-- I2  A backend sends nothing again. When the connection breaks, what was under way is forgotten (its functions are
--     not called), and the owner of the session opens it anew.
-- I3  A function that takes `on_…` returns at once. The answer comes in a later `read`, and calls the function.
-- I4  Functions of queues and inspectors wait for their answer, ten seconds at most.
-- I5  A function that fails returns nil, why and kind. kind:
--       again    the same call may be made again at once
--       later    the server has no room at the moment
--       stale    the connection is of no use any more, or the server is another one
--       refused  it is not allowed, and will not be in a minute
--       failed   anything else
local backend = {}

-- Looking this long for a reply costs less than to be woken by it.
backend.PATIENCE = 50e-6

---The rest of its fields are the backend's own. They may change when a session is opened: a server may send its clients
---elsewhere.
---@class manymoons.broker.Settings
---@field backend manymoons.broker.Backend
---@field shown string the URL without its password
---@field is_local boolean the server is on this machine, where programs of one user share a secret

---@class manymoons.broker.Url
---@field scheme string
---@field user string
---@field password string
---@field place string what stands between the credentials and the options
---@field options table<string, string>
---@field unescape fun(text: string): string

---A task as it goes over the broker. `client` and `seq` together name it.
---@class manymoons.broker.Task
---@field client string
---@field seq string its number at its client, in decimal digits
---@field func string the name of its function (codec.lua)
---@field init string the name of the initializer's; "": none
---@field flags string
---@field body string
---@field mac string
---@field abi string workers of this Lua alone may have it; "": all
---@field priority string a digit; "": the usual one
---@field limit string of a posted task: how many may run at once (codec.lua); "": any number

---A task that was delivered. Its texts need not be trusted. The backend may keep more in it.
---@class manymoons.broker.Delivery: manymoons.broker.Task
---@field id string of this delivery
---@field losses integer how often a worker was lost with it; of a posted task: attempts that failed
---@field is_posted boolean the server keeps its outcome, by its name
---@field json string? the text of a task that a program of another language posted

---@class manymoons.broker.Outcome
---@field kind string
---@field payload string
---@field mac string
---@field worker string its name
---@field why string? given for a dead letter

---@class manymoons.broker.Session
---@field new fun(settings: manymoons.broker.Settings, about: table): manymoons.broker.Session
---@field open fun(self, seconds: number): true?
---@field close fun(self, why: string?)
---@field read fun(self): boolean? whether something came; nil: the session is broken
---@field flush fun(self) sends what the calls before have said

---Sees a pool: its workers, its depth, its dead letters. about: name (the pool's)
---@class manymoons.broker.Inspector: manymoons.broker.Session
---opens, asks whether the server can be used, and closes: { is_durable }
---@field examine fun(self, seconds: number): table?
---the names of the pools that the server has, in order
---@field pools fun(self): string[]?
---the names of the workers, and what each says about itself (false: nothing)
---@field workers fun(self, on_workers: fun(names: string[], texts: (string|false)[]))
---{ waiting, running, oldest (seconds), dead, due, held, paused } of the tasks for all workers, and for those of these
---Luas
---@field depth fun(self, abis: string[]): table?
---a list of { id, why, who, at, func, client, seq }, the newest last
---@field dead fun(self, most: integer): table?
---the task of a dead letter; its texts need not be trusted
---@field letter fun(self, id: string): manymoons.broker.Task?
---takes a dead letter away
---@field delete_letter fun(self, id: string): true?
---another task in the place of a dead letter's, which stays one: its id from then on
---@field edit_letter fun(self, id: string, task: manymoons.broker.Task): string?
---workers fetch no tasks, or fetch them again
---@field pause fun(self, is_paused: boolean): true?
---where tasks of these Luas without an outcome are; the first tasks of a place, and where the next ones begin (nil:
---there are no more). with_running: also those that a worker has
---@field places fun(self, abis: string[]): table[]?
---@field tasks_at fun(self, place: table, from: any, with_running: boolean): manymoons.broker.Delivery[]?, any
---gives a task this outcome, and takes it out
---@field end_task fun(self, task: manymoons.broker.Delivery, outcome: table, ms: string): any
---puts a task in the place of a dead letter, in one step; its client waits for no outcome
---@field retry fun(self, id: string, task: manymoons.broker.Task): true?
---keeps a posted task, once: in its stream, or until it is due (task.at, task.delay). It may be called again. true; or
---the name of the task that holds the key of its own (task.unique), and this one is not kept
---@field post fun(self, task: manymoons.broker.Task): true|string|nil
---{ kind, payload, mac } of a posted task; { "open" }: it has none, after so many seconds; {}: it is not known
---@field outcome fun(self, task: manymoons.broker.Task, seconds: number): table?
---what is known of a posted task: { state, at, worker, progress (JSON), lines, kind, payload }, state: "due", "held",
---"waiting", "running", "ended"; {}: it is not known
---@field find fun(self, task: manymoons.broker.Task): table?
---gives a posted task this outcome, kept for so long, if it has none: "cancelled", "ended" or "unknown"
---@field withdraw fun(self, task: manymoons.broker.Task, outcome: table, ms: string): string?
---keeps a schedule (schedules.lua); next_after(now) → when it runs first. The time of its next run
---@field schedule fun(self, schedule: table, next_after: fun(now: number): number): number?
---whether there was one
---@field unschedule fun(self, name: string): boolean?
---a list of { name, at, cron, label, catchup }
---@field schedules fun(self): table?
---reads until is_done() says so
---@field await fun(self, seconds: number, is_done: fun(): any): true?

---Submits the tasks of one client. The server knows the highest number that was submitted, and which tasks have no
---outcome yet. about: name; client; abi; poller (keeps the descriptors that wake the pool);
---on_submitted(task, verdict, why), verdict: "taken", or "gap": the task before is missing, because it was refused or
---forgotten, or a kind; on_result(seq, kind, payload, mac).
---@class manymoons.broker.Client: manymoons.broker.Inspector
---@field is_caught_up boolean all results that were there when the session was opened were handed out
---high: nil if it is not known; is_open: a set of numbers
---@field state fun(self, on_state: fun(high: integer?, is_open: table, why: string?, kind: string?))
---takes a task once. before: the seq that was submitted before it. functions: by their names, what workers need for it
---@field submit fun(self, task: manymoons.broker.Task, before: string, functions: table<string, string>)
---no task of this client needs the function any more: the server forgets it, unless another client needs it
---@field forget fun(self, name: string)
---asks for results, unless it has asked; those that were handed out are forgotten
---@field results fun(self)
---whether a task has no outcome yet; nil: it is not known. Once the answer is there, `is_caught_up` means that the
---outcome was handed out, if there is one
---@field is_open fun(self, seq: string, on_answer: fun(is_open: boolean?))
---no client waits for the task any more
---@field cancel fun(self, seq: string)
---what the server has of this client stays; is_known: it has something
---@field heartbeat fun(self, on_known: fun(is_known: boolean, why: string?))
---what the server has of this client goes
---@field deregister fun(self, seconds: number)

---Serves a pool. about: name; worker (its name); abi; poller; lease (seconds); is_shared: the worker serves several;
---on_task(delivery);
---on_schedule(schedule, due, now): it is due (fire); on_acked(delivery, why), why: nil when the outcome is there, or
---belongs to another worker.
---@class manymoons.broker.Worker: manymoons.broker.Inspector
---asks for tasks, unless it has asked, and waits for them; false: not yet possible
---@field fetch fun(self, count: integer): boolean
---whether it takes tasks where there are some, and waits only where there are none (`is_waiting`; about.is_shared: it
---does): more than were asked for come only then. And whether it may have tasks, as far as it knows
---@field is_choosing fun(self): boolean
---@field may_have_tasks fun(self): boolean
---that it had none was a while ago
---@field forget_emptiness fun(self)
---@field stop_fetching fun(self) a fetch that waits ends
---@field is_idle fun(self): boolean no fetch waits, and everything else was answered
---the outcome of a task; nil: no client waits for one
---@field ack fun(self, delivery: manymoons.broker.Delivery, outcome: manymoons.broker.Outcome?)
---puts a task back for other workers, once. After more than `most` losses it is a dead letter, with the outcome.
---on_nacked(what, why), what: "gone" (another worker did it), "dropped" (no client waits), "dead", or its new id
---@field nack fun(self, delivery: table, losses: integer, most: integer, outcome: table, on_nacked: function?)
---a posted task runs again after how.pause seconds; that makes how.attempts more. how.line: about the last one;
---how.has_place: it need take none again. on_again as on_nacked
---@field again fun(self, delivery: table, how: table, on_again: function)
---takes a place for one of `count` runs in so many seconds: on_place(the seconds until it begins, or nil)
---@field take_place fun(self, delivery: table, count: integer, seconds: number, on_place: function)
---takes one of the places in which `most` tasks with its limit may run at once: "in"; "held": it comes back when there
---is one; "gone": another delivery counts; nil: it is not known
---@field enter fun(self, delivery: table, most: integer, digest: string, on_entered: fun(what: string?))
---the seconds for which it has waited for a worker
---@field waited fun(self, delivery: table): number
---keeps with a posted task how far it is ("": as before), and lines
---@field note fun(self, delivery: table, progress: string, lines: string)
---puts posted tasks that are due where workers fetch them; the seconds until it is to be called again
---@field move_due fun(self): number
---puts the task of a schedule's time into its stream, if no other worker has done it; then the next time counts
---@field fire fun(self, schedule: table, task: manymoons.broker.Task, due: number, following: number)
---a function by its name
---@field load fun(self, name: string, on_text: fun(text: string?))
---whether this delivery is the one whose outcome the task's client waits for: it is no copy, and there is none yet;
---nil: it is not known; and whether the pool is paused
---@field is_open fun(self, delivery: manymoons.broker.Delivery, on_answer: fun(is_open: boolean?, is_paused: boolean?))
---takes over what had no heartbeat for so long, and forgets workers that are gone
---@field reclaim fun(self, seconds: number, on_task: fun(delivery: manymoons.broker.Delivery))
---begins; text: what the worker says about itself
---@field heartbeat fun(self, text: string): manymoons.broker.Lease
---@field deregister fun(self, seconds: number)

---A queue; its functions open what they need. about: name; putter and consumer (names of this process; consumer is ""
---where items are acknowledged as soon as they were got); lease (seconds)
---@class manymoons.broker.Queue
---@field new fun(settings: manymoons.broker.Settings, about: table): manymoons.broker.Queue
---@field open fun(self, seconds: number): true?
---@field close fun(self, why: string?)
---"ok", "full" or "closed". An item with a number that was put before is not put again.
---@field put fun(self, number: integer, text: string, maxsize: integer, may_reopen: boolean): string?
---@field await_room fun(self, seconds: number)
---{ id, text }; false: there is none
---@field get fun(self, seconds: number): table|false|nil
---an item is done with: "ok"; "lost": another consumer has it, or may get it; "gone": it is not there any more
---@field ack fun(self, id: string): string?
---{ waiting, held, is_closed }
---@field depth fun(self): table?
---items that were got, and neither acknowledged nor held for so long, come back
---@field reclaim fun(self, seconds: number, is_held: fun(id: string): boolean)
---@field finish fun(self): true? closes the queue for all
---@field heartbeat fun(self): manymoons.broker.Lease

---What a session holds, renewed by a thread, so that a script that computes for an hour keeps it.
---@class manymoons.broker.Lease
---@field add fun(self, delivery: table)
---@field remove fun(self, id: string)
---@field tell fun(self, text: string) what the worker says about itself from the next renewal on
---"lost": another worker has it, or "forgotten": no client waits; and an id. Nothing when there is none.
---@field news fun(self): string?, string?
---@field close fun(self)

---@class manymoons.broker.Backend
---@field read_url fun(url: manymoons.broker.Url, refuse: fun(why: string)): table the settings; refuse raises
---@field Inspector manymoons.broker.Inspector
---@field Client manymoons.broker.Client
---@field Worker manymoons.broker.Worker
---@field Queue manymoons.broker.Queue

local SESSION = { "new", "open", "close", "read", "flush" }
local INSPECTOR = {
  "examine", "workers", "depth", "dead", "letter", "retry", "await", "post", "outcome", "find", "withdraw",
  "schedule", "unschedule", "schedules",
  "delete_letter", "edit_letter", "pause", "places", "tasks_at", "end_task",
}
local CLIENT = { "state", "submit", "forget", "results", "is_open", "cancel", "heartbeat", "deregister" }
local WORKER = {
  "fetch", "is_choosing", "may_have_tasks", "forget_emptiness", "waited", "stop_fetching", "is_idle",
  "ack", "again", "take_place", "nack", "load", "is_open", "reclaim",
  "move_due", "fire", "enter", "note",
  "heartbeat", "deregister",
}
local QUEUE = { "new", "open", "close", "put", "await_room", "get", "ack", "depth", "reclaim", "finish", "heartbeat" }
local CLASSES = {
  { "Inspector", SESSION, INSPECTOR }, { "Client", SESSION, INSPECTOR, CLIENT },
  { "Worker", SESSION, INSPECTOR, WORKER }, { "Queue", QUEUE },
}

local function check_function(scheme, owner, prefix, name)
  if type(owner) ~= "table" or type(owner[name]) ~= "function" then
    error("broker: " .. scheme .. ": " .. prefix .. name .. " is missing", 0)
  end
end

-- Returns the server's module if it is complete, or raises an error that names the function it lacks.
function backend.check(scheme, server)
  check_function(scheme, server, "", "read_url")
  for _, row in ipairs(CLASSES) do
    for i = 2, #row do
      for _, name in ipairs(row[i]) do check_function(scheme, server[row[1]], row[1] .. ".", name) end
    end
  end
  return server
end

return backend
