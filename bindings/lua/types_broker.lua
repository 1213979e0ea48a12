---@meta
-- SPDX-License-Identifier: MIT
-- Posted tasks of pools on a broker: continues types.lua. Nothing here is run.

---The options of Pool:post.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---pool:post("mail:send", { "moon@example.org" }, { at = os.time() + 3600, retries = 10, backoff = 30 })
---pool:post("bills:make", { 17 }, { priority = 9, at_most = 1, key = "customer 17" })
---```
---@class manymoons.PostOptions
---@field delay? number seconds from now, by the server's clock, before which it does not run
---@field at? number the same as seconds since 1970; not beside `delay`
---@field retries? integer how often it runs again after an error, or when its worker is lost; default: the pool's
---@field backoff? number seconds before the first of these runs, doubled for each further one up to an hour, ± 20 %; default: 1
---@field timeout? number seconds that one run may take; after that the task fails, and is not tried again. Default: the pool's
---@field ttl? number seconds for which the server keeps the outcome; default: 3600
---@field unique? string a key: while a task with it has no outcome, none is put, and post returns the id of that one and "duplicate"
---@field rate? string how often its function runs at most: "100/m", or with s, h, d. So many run at once, then one in each part of the span
---@field priority? integer 0 to 9: of the tasks that wait, those of a higher one run first; default: 5
---@field at_most? integer so many tasks of its function run at once, in all workers; the others wait until it is their turn
---@field key? string with at_most: so many tasks with this key, whatever their function, run at once
---@field secret? boolean true: `manymoons pool` does not show its arguments; default: false

---The options of Pool:schedule.
---<!-- example: not run -->
---```lua
---local pool = mm.Pool({ broker = "redis://127.0.0.1/0", name = "jobs" })
---pool:schedule("hourly", "@hourly", "counts:add", {}, { catchup = "all", timeout = 60 })
---```
---@class manymoons.ScheduleOptions
---@field rate? string as of Pool:post
---@field priority? integer
---@field at_most? integer
---@field key? string
---@field catchup? "once"|"all" what runs when times have passed without a worker or a server: the last one, or each; default: "once"
---@field retries? integer as of Pool:post, for each run
---@field backoff? number
---@field timeout? number
---@field ttl? number

---The results of a task that Pool:post put in, or a program of another language, in whichever program. If the task failed, its error is raised,
---with kind "cancelled" if it was cancelled.
---<!-- example: not run -->
---```lua
---local url = "redis://127.0.0.1/0"
---local id = mm.Pool({ broker = url, name = "jobs" }):post(math.max, { 1, 2 })
---assert(mm.result(url, id, 10) == 2)
---```
---@param url string the server's, as in Pool
---@param id string
---@param timeout? number
---@param options? manymoons.ReadOptions
---@return any ... the results; nil with "timeout", "ENOENT: …" (no such task, or its outcome is not kept any more), "EIO: …"
function mm.result(url, id, timeout, options) end

---Cancels a task that was posted: it does not run, or is stopped as soon as its worker renews its lease.
---<!-- example: not run -->
---```lua
---local url = "redis://127.0.0.1/0"
---local id = mm.Pool({ broker = url, name = "jobs" }):post(print, { "late" }, { delay = 60 })
---assert(mm.cancel(url, id))
---```
---@param url string
---@param id string
---@param options? manymoons.ReadOptions
---@return boolean? cancelled false if the task has its outcome; nil with a reason
---@return string? why "ENOENT: …", "EIO: …"
function mm.cancel(url, id, options) end

---How a task stands that Pool:post put in, or a program of another language, as any program sees it.
---<!-- example: not run -->
---```lua
---local url = "redis://127.0.0.1/0"
---local id = mm.Pool({ broker = url, name = "jobs" }):post("films:render", { "moon.mp4" })
---local about = mm.status(url, id)
---if about and about.progress then print(about.state, about.progress.done, about.progress.total) end
---```
---@param url string
---@param id string
---@param options? manymoons.ReadOptions
---@return manymoons.TaskStatus? about nil with a reason
---@return string? why "ENOENT: …" (no such task, or its outcome is not kept any more), "EIO: …"
function mm.status(url, id, options) end

---How a posted task stands.
---<!-- example: not run -->
---```lua
---local about = assert(mm.status("redis://127.0.0.1/0", "jobs:order-17"))
---for _, line in ipairs(about.log) do print(line) end
---```
---@class manymoons.TaskStatus
---@field id string
---@field state "due"|"held"|"waiting"|"running"|"done"|"failed" "due": it comes later; "held": it waits for one of few
---places (`at_most`)
---@field at? number the Unix time at which it is due
---@field worker? string the worker that runs it
---@field progress? { done: number, total?: number, note?: string, at: number } what it said last (PostedTask:progress), and when
---@field log string[] its last lines (PostedTask:log), each with its time; 16 KB at most

---In a task of a pool on a broker: the task. Elsewhere nil.
---<!-- example: not run -->
---```lua
---local function render(frames)
---  local task = mm.task()
---  for i = 1, frames do
---    if task then task:progress(i, frames, "rendering") end
---  end
---end
---```
---@return manymoons.PostedTask?
function mm.task() end

---The task that a worker of `manymoons worker` runs, as the task itself sees it. In a worker with --sandbox it is silent: what it
---says is kept nowhere.
---<!-- example: not run -->
---```lua
---local task = assert(mm.task(), "only in manymoons worker")
---task:log("begins as " .. task.id)
---task:progress(0, 100)
---```
---@class manymoons.PostedTask
---@field id string what Pool:post returned; the same in each run of the task, so it can keep effects from happening twice
local PostedTask = {}

---Says how far the task is. mm.status shows it, and `manymoons pool URL NAME --task ID`; what is said within 50 ms counts as one.
---<!-- example: not run -->
---```lua
---mm.task():progress(3, 10, "three of ten pages")
---```
---@param done number
---@param total? number
---@param note? string up to 200 characters are kept
function PostedTask:progress(done, total, note) end

---Keeps a line with the task, up to 2,000 characters of it; the last 16 KB of lines are kept as long as the outcome, and the last 4 KB with
---a dead letter.
---<!-- example: not run -->
---```lua
---mm.task():log("the file has 17 pages")
---```
---@param text string
function PostedTask:log(text) end

---The options of mm.result, mm.cancel and mm.status.
---<!-- example: not run -->
---```lua
---local id = mm.Pool({ broker = "redis://host/0", name = "jobs", secret_file = "secret" }):post(math.max, { 1, 2 })
---print(mm.result("redis://host/0", id, 10, { secret_file = "secret" }))
---```
---@class manymoons.ReadOptions
---@field secret? string as in a pool on a broker
---@field secret_file? string
---@field password_file? string
