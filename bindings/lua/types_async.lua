---@meta
-- SPDX-License-Identifier: MIT
-- mm.async: tasks that take turns in one thread. A part of types.lua.
--
-- In a task, a call that waits (sleep, get, put, recv, acquire, join, wait, …) suspends only that task, also inside pcall,
-- metamethods, iterators, the task's own coroutines and callbacks of C functions. Outside of tasks the same calls block
-- as usual, and the tasks of that thread run meanwhile. A task runs in the thread that spawned it, until it waits: tasks
-- are not preempted.

---The world `async`, whose workers are tasks, and the functions for tasks. Tasks can be used in every world, beside its
---workers.
---@class manymoons.Async : manymoons.World
local Async = {}

---Calls main(…) as a task, runs tasks until it has ended, and returns its results. Then cancels the remaining tasks that
---it and its tasks spawned. Raises main's error.
---```lua
---local sum = mm.async.run(function(a, b)
---  mm.async.sleep(0.001)
---  return a + b
---end, 1, 2)
---assert(sum == 3)
---```
---@param main function|table called with the arguments
---@param ... any passed on unchanged
---@return any ...
function Async.run(main, ...) end

---Creates a task that calls f(…); it begins at the caller's next wait. If it fails and its result is never requested, the
---error is reported on stderr when the task is collected, or when its `run` ends.
---```lua
---local order = {}
---mm.async.run(function()
---  local task = mm.async.spawn(table.insert, order, "task")
---  table.insert(order, "main") -- the task begins at the next wait
---  task:get()
---end)
---assert(order[1] == "main" and order[2] == "task")
---```
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.spawn(f, ...) end

---A value that follows tasks: a task begins with that of its spawner, as it is then, and what a task sets is seen by itself and by
---the tasks that it spawns later. For what each call below needs to know, as whom it serves, without an argument for it. Workers
---begin with the default.
---```lua
---local user = mm.async.context("nobody")
---mm.async.run(function()
---  local task = mm.async.spawn(function()
---    user:set("Ada")
---    return mm.async.spawn(user.get, user):get()
---  end)
---  assert(task:get() == "Ada" and user:get() == "nobody")
---end)
---```
---@param default? any
---@return manymoons.Context
function Async.context(default) end

---A value that follows tasks. It is not sent.
---@class manymoons.Context
local Context = {}

---The value here.
---```lua
---local user = mm.async.context("nobody")
---assert(user:get() == "nobody")
---```
---@return any
function Context:get() end

---Sets the value of this task, or of the code outside of tasks.
---```lua
---local user = mm.async.context()
---user:set("Ada")
---assert(user:get() == "Ada")
---```
---@param value any
function Context:set(value) end

---Calls f(…) with another value, and sets the one before again, whatever ends f.
---```lua
---local user = mm.async.context("nobody")
---assert(user:with("Ada", function() return user:get() end) == "Ada")
---assert(user:get() == "nobody")
---```
---@param value any
---@param f function|table
---@param ... any
---@return any ... the results of f
function Context:with(value, f, ...) end

---The task in which the caller runs; nil outside of tasks.
---```lua
---assert(mm.async.current_task() == nil)
---local task = mm.async.spawn(mm.async.current_task)
---assert(task:get() == task)
---```
---@return manymoons.Task?
function Async.current_task() end

---The same as task:cancel().
---```lua
---local task = mm.async.spawn(mm.async.sleep, 60)
---assert(mm.async.cancel(task))
---local is_ok, err = pcall(task.get, task)
---assert(not is_ok and err.kind == "cancelled")
---```
---@param task manymoons.Task
---@return boolean is_cancelled false: it was already done
function Async.cancel(task) end

---Waits for all things in a list. The first failure cancels the others and is raised. If the caller is cancelled, so are
---they.
---```lua
---local results = mm.async.gather({
---  function() mm.async.sleep(0.002) return "slow" end,
---  function() return "fast" end,
---})
---assert(results.n == 2 and results[1] == "slow" and results[2] == "fast")
---```
---@param things (manymoons.Task|manymoons.Future|function)[] functions are spawned
---@param options? manymoons.GatherOptions
---@return any[] results the first result of each, in order; field `n` is their number
function Async.gather(things, options) end

---The options of `mm.async.gather`.
---```lua
---local function fail() error("no", 0) end
---local results = mm.async.gather({ fail, function() return 2 end }, { errors = "return" })
---assert(results[1].message == "no" and results[2] == 2)
---```
---@class manymoons.GatherOptions
---@field errors? "raise"|"return" "return": all things go on, and the mm.Error of each that failed is its result

---Calls f(item) for each item, as a task of its own. The first failure cancels the others and is raised; items that have not
---begun are left out.
---```lua
---local roots = mm.async.map({ 1, 4, 9 }, function(x)
---  mm.async.sleep(0.001)
---  return math.sqrt(x)
---end)
---assert(roots[3] == 3 and roots.n == 3)
---```
---@param list any[]
---@param f function|table
---@param options? manymoons.TaskMapOptions
---@return any[] results the first result of each call, in order; field `n` is their number
function Async.map(list, f, options) end

---The options of `mm.async.map`.
---```lua
---local running, most = 0, 0
---mm.async.map({ 1, 2, 3, 4 }, function()
---  running = running + 1
---  most = math.max(most, running)
---  mm.async.sleep(0.001)
---  running = running - 1
---end, { limit = 2 })
---assert(most == 2)
---```
---@class manymoons.TaskMapOptions : manymoons.GatherOptions
---@field limit? integer how many calls run at once; default: all

---Waits for the first thing that succeeds, cancels the others, and returns its results. If all fail, raises an error with
---their messages, and all their errors in the field `errors`; if there is only one, its error.
---```lua
---local first = mm.async.race({
---  function() mm.async.sleep(60) return "slow" end,
---  function() return "fast" end,
---})
---assert(first == "fast")
---```
---@param things (manymoons.Task|manymoons.Future|function)[] functions are spawned; one at least
---@return any ...
function Async.race(things) end

---A task with the outcome of the thing. To cancel it, or a caller that waits for it, leaves the thing alone, which goes on
---until it ends, or the `run` to which it belongs.
---```lua
---mm.async.run(function()
---  local work = mm.async.spawn(function() mm.async.sleep(0.01) return "done" end)
---  assert(mm.async.shield(work):cancel())
---  assert(work:get() == "done")
---end)
---```
---@param thing manymoons.Task|manymoons.Future|function a function is spawned
---@return manymoons.Task
function Async.shield(thing) end

---Creates a task that calls f(…) after that time. To cancel the task before prevents the call.
---```lua
---local task = mm.async.after(0.001, math.max, 1, 2)
---assert(task:get() == 2)
---local never = mm.async.after(60, error, "never")
---assert(never:cancel())
---```
---@param seconds number 0 or more
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.after(seconds, f, ...) end

---Creates a task that calls f(…) each so many seconds, first after that time, until it is cancelled, or f raises. One call ends
---before the next begins; those that a long one would have hidden are left out, and later ones come at their times.
---```lua
---mm.async.run(function()
---  local ticks = mm.async.Queue()
---  local task = mm.async.every(0.001, function() ticks:put("tick") end)
---  assert(ticks:get() == "tick" and ticks:get() == "tick")
---  task:cancel()
---end)
---```
---@param seconds number more than 0
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.every(seconds, f, ...) end

---Calls f(group), which may spawn tasks with group:spawn. Waits until f and all of them have ended, and returns the
---results of f. The first failure cancels the others and is raised. `group{ limit = n, f }` and `group({ limit = n }, f)` bound how
---many of them run at once: group:spawn waits until there is room. The call of f itself does not count.
---```lua
---local sum = 0
---mm.async.group(function(group)
---  for i = 1, 3 do group:spawn(function() sum = sum + i end) end
---end)
---assert(sum == 6) -- all have ended
---```
---@param f (fun(group: manymoons.Group): any)|manymoons.GroupOptions
---@param g? fun(group: manymoons.Group): any after options
---@return any ...
function Async.group(f, g) end

---The options of `mm.async.group`.
---```lua
---local order = {}
---local function visit(n) table.insert(order, n) mm.sleep(0.001) table.insert(order, n) end
---mm.async.group({ limit = 1, function(group)
---  for n = 1, 2 do group:spawn(visit, n) end
---end })
---assert(table.concat(order) == "1122") -- one at a time
---```
---@class manymoons.GroupOptions
---@field limit? integer how many tasks of the group run at once; default: all
---@field [1]? fun(group: manymoons.Group): any the function, unless it is the second argument

---Calls f(…) as a task and returns its results; cancels it if it takes longer.
---```lua
---local result, why = mm.async.timeout(0.01, mm.async.sleep, 60)
---assert(result == nil and why == "timeout")
---assert(mm.async.timeout(60, math.max, 1, 2) == 2)
---```
---@param seconds number
---@param f function|table
---@param ... any passed on unchanged
---@return any ... nil and "timeout" if it took longer
function Async.timeout(seconds, f, ...) end

---Calls f(resume), and waits until resume(…) is called: any callback API can be awaited in this way. Later calls of
---resume return false.
---```lua
---local function read_later(callback) mm.async.spawn(callback, "data") end -- some API with callbacks
---local result = mm.async.run(function()
---  return mm.async.await(function(resume) read_later(resume) end)
---end)
---assert(result == "data")
---```
---@param f fun(resume: fun(...: any): boolean)
---@return any ... the arguments of resume
function Async.await(f) end

---In Neovim: calls f(…) in the editor's main loop, where vim.api and vim.fn may be used, and returns its results. Tasks
---may run in callbacks of libuv, where most of these raise E5560. Elsewhere an error, in Neovim's workers, too.
---```lua
---local function show(count) -- in a task of a plugin
---  mm.async.in_nvim(vim.api.nvim_buf_set_lines, 0, 0, -1, true, { count .. " lines" })
---end
---assert(not pcall(mm.async.in_nvim, show, 5)) -- here is no editor
---```
---@param f function
---@param ... any passed on unchanged
---@return any ...
function Async.in_nvim(f, ...) end

---Waits until a descriptor can be read or written without blocking. It must not be closed meanwhile.
---```lua
---local here, there = mm.Pipe()
---assert(select(2, mm.async.wait_fd(here, "r", 0.01)) == "timeout")
---there:send(1)
---assert(mm.async.wait_fd(here:fileno(), "r"))
---```
---@param fd integer|table|userdata a number, or an object with getfd (luasocket), pollfd (cqueues) or fileno
---@param mode? "r"|"w" default: "r"
---@param timeout? number seconds
---@return boolean? ready true, or nil
---@return string? why "timeout", or "EBADF: …"
function Async.wait_fd(fd, mode, timeout) end

---Has the objects of luasocket, and of LuaSec where it is installed, wait as all else here does: a task is suspended alone,
---and outside of tasks the VM's lock is left. So do libraries that use them, like socket.http. Replaces methods of luasocket in
---this VM; each VM whose code needs it calls it. Names of hosts are looked up beside the program.
---<!-- example: not run -->
---```lua
---mm.async.patch_socket()
---local http = require "socket.http"
---local pages = mm.async.map({ "http://localhost/a", "http://localhost/b" }, http.request)
---assert(pages.n == 2) -- both were loaded at once
---```
function Async.patch_socket() end

---Calls f(…) on a thread of this VM and waits for it: for calls that leave the VM's lock, but wait in ways that the loop
---cannot see. A C function that keeps the lock is for mm.release.
---```lua
---local sum = mm.async.run(function() return mm.async.to_thread(function(a, b) return a + b end, 1, 2) end)
---assert(sum == 3)
---```
---@param f function|table
---@param ... any passed on unchanged
---@return any ... the results of f; its error is raised
function Async.to_thread(f, ...) end

---Calls f(…) in another process and waits for it: for work that keeps a processor busy.
---```lua
---local pid = mm.async.to_process(function() return mm.current_process().pid end)
---assert(pid ~= mm.current_process().pid)
---```
---@param f function|table
---@param ... any copied
---@return any ... copies of the results of f; its error is raised
function Async.to_process(f, ...) end

---Sets whether a task that keeps its thread for more than 100 ms without waiting is reported on stderr, with the place
---where it waited next. Setting the environment variable MANYMOONS_ASYNC_DEBUG turns this on.
---```lua
---mm.async.debug(true)
---assert(mm.async.run(math.max, 1, 2) == 2) -- a task of 100 ms would be reported
---mm.async.debug(false)
---```
---@param is_on boolean
function Async.debug(is_on) end

---A function that runs as a task. It belongs to this VM and cannot be sent. When a task is cancelled, its `close`
---variables are closed (Lua 5.4).
---@class manymoons.Task
---@field name? string for messages; default: for example "Task-7"
local Task = {}

---Waits until it is done. Raises its error, an mm.Error with both tracebacks, of kind "cancelled" if it was cancelled.
---```lua
---local task = mm.async.spawn(function() mm.async.sleep(0.001) return 1, 2 end)
---local a, b = task:get()
---assert(a == 1 and b == 2)
---local slow = mm.async.spawn(mm.async.sleep, 60)
---assert(select(2, slow:get(0.01)) == "timeout")
---slow:cancel()
---```
---@param timeout? number seconds
---@return any ... the results of its function; nil and "timeout" if it is not done by then
function Task:get(timeout) end

---Waits until it is done, whether it returned or failed. Never raises.
---```lua
---local task = mm.async.spawn(error, "no")
---assert(task:wait()) -- raises nothing
---assert(not pcall(task.get, task))
---```
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Task:wait(timeout) end

---Ends the task where it waits, or at its next wait; it fails with kind "cancelled".
---```lua
---local task = mm.async.spawn(mm.async.sleep, 60)
---assert(task:cancel())
---task:wait()
---assert(not task:cancel()) -- it was already done
---```
---@return boolean is_cancelled false: it was already done
function Task:cancel() end

---Whether it has ended.
---```lua
---local task = mm.async.spawn(mm.async.sleep, 0.001)
---assert(not task:done())
---task:wait()
---assert(task:done())
---```
---@return boolean
function Task:done() end

---The group of a call of `mm.async.group`, which its function gets.
---@class manymoons.Group
local Group = {}

---Spawns a task of the group; waits for room first if the group has a limit. Raises once the group has ended.
---```lua
---local results = {}
---mm.async.group(function(group)
---  local task = group:spawn(math.max, 1, 2)
---  results[1] = task:get()
---end)
---assert(results[1] == 2)
---```
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Group:spawn(f, ...) end

---Cancels the running tasks; this is not a failure of the group.
---```lua
---local is_finished = false
---mm.async.group(function(group)
---  group:spawn(function() mm.async.sleep(60) is_finished = true end)
---  mm.async.sleep(0.001)
---  group:cancel()
---end)
---assert(not is_finished)
---```
function Group:cancel() end
