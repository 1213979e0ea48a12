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
---@param main function|table called with the arguments
---@param ... any passed on unchanged
---@return any ...
function Async.run(main, ...) end

---Creates a task that calls f(…); it begins at the caller's next wait. If it fails and its result is never requested, the
---error is reported on stderr when the task is collected, or when its `run` ends.
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.spawn(f, ...) end

---The task in which the caller runs; nil outside of tasks.
---@return manymoons.Task?
function Async.current_task() end

---The same as task:cancel().
---@param task manymoons.Task
---@return boolean is_cancelled false: it was already done
function Async.cancel(task) end

---Waits for all things in a list. The first failure cancels the others and is raised. If the caller is cancelled, so are
---they.
---@param things (manymoons.Task|manymoons.Future|function)[] functions are spawned
---@param options? manymoons.GatherOptions
---@return any[] results the first result of each, in order; field `n` is their number
function Async.gather(things, options) end

---@class manymoons.GatherOptions
---@field errors? "raise"|"return" "return": all things go on, and the mm.Error of each that failed is its result

---Calls f(item) for each item, as a task of its own. The first failure cancels the others and is raised; items that have not
---begun are left out.
---@param list any[]
---@param f function|table
---@param options? manymoons.TaskMapOptions
---@return any[] results the first result of each call, in order; field `n` is their number
function Async.map(list, f, options) end

---@class manymoons.TaskMapOptions : manymoons.GatherOptions
---@field limit? integer how many calls run at once; default: all

---Waits for the first thing that succeeds, cancels the others, and returns its results. If all fail, raises an error with
---their messages, and all their errors in the field `errors`; if there is only one, its error.
---@param things (manymoons.Task|manymoons.Future|function)[] functions are spawned; one at least
---@return any ...
function Async.race(things) end

---A task with the outcome of the thing. To cancel it, or a caller that waits for it, leaves the thing alone, which goes on
---until it ends, or the `run` to which it belongs.
---@param thing manymoons.Task|manymoons.Future|function a function is spawned
---@return manymoons.Task
function Async.shield(thing) end

---Creates a task that calls f(…) after that time. To cancel the task before prevents the call.
---@param seconds number 0 or more
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.after(seconds, f, ...) end

---Creates a task that calls f(…) each so many seconds, first after that time, until it is cancelled, or f raises. One call ends
---before the next begins; those that a long one would have hidden are left out, and later ones come at their times.
---@param seconds number more than 0
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Async.every(seconds, f, ...) end

---Calls f(group), which may spawn tasks with group:spawn. Waits until f and all of them have ended, and returns the
---results of f. The first failure cancels the others and is raised. `group{ limit = n, f }` and `group({ limit = n }, f)` bound how
---many of them run at once: group:spawn waits until there is room. The call of f itself does not count.
---@param f (fun(group: manymoons.Group): any)|manymoons.GroupOptions
---@param g? fun(group: manymoons.Group): any after options
---@return any ...
function Async.group(f, g) end

---@class manymoons.GroupOptions
---@field limit? integer
---@field [1]? fun(group: manymoons.Group): any

---Calls f(…) as a task and returns its results; cancels it if it takes longer.
---@param seconds number
---@param f function|table
---@param ... any passed on unchanged
---@return any ... nil and "timeout" if it took longer
function Async.timeout(seconds, f, ...) end

---Calls f(resume), and waits until resume(…) is called: any callback API can be awaited in this way. Later calls of
---resume return false.
---@param f fun(resume: fun(...: any): boolean)
---@return any ... the arguments of resume
function Async.await(f) end

---Waits until a descriptor can be read or written without blocking. It must not be closed meanwhile.
---@param fd integer|table|userdata a number, or an object with getfd (luasocket), pollfd (cqueues) or fileno
---@param mode? "r"|"w" default: "r"
---@param timeout? number seconds
---@return boolean? ready true, or nil
---@return string? why "timeout", or "EBADF: …"
function Async.wait_fd(fd, mode, timeout) end

---Has the objects of luasocket, and of LuaSec where it is installed, wait as all else here does: a task is suspended alone,
---and outside of tasks the VM's lock is left. So do libraries that use them, like socket.http. Replaces methods of luasocket in
---this VM; each VM whose code needs it calls it. Names of hosts are looked up beside the program.
function Async.patch_socket() end

---Calls f(…) on a thread of this VM and waits for it: for calls that leave the VM's lock, but wait in ways that the loop
---cannot see. A C function that keeps the lock is for mm.release.
---@param f function|table
---@param ... any passed on unchanged
---@return any ... the results of f; its error is raised
function Async.to_thread(f, ...) end

---Calls f(…) in another process and waits for it: for work that keeps a processor busy.
---@param f function|table
---@param ... any copied
---@return any ... copies of the results of f; its error is raised
function Async.to_process(f, ...) end

---Sets whether a task that keeps its thread for more than 100 ms without waiting is reported on stderr, with the place
---where it waited next. Setting the environment variable MANYMOONS_ASYNC_DEBUG turns this on.
---@param is_on boolean
function Async.debug(is_on) end

---A function that runs as a task. It belongs to this VM and cannot be sent. When a task is cancelled, its `close`
---variables are closed (Lua 5.4).
---@class manymoons.Task
---@field name? string for messages; default: for example "Task-7"
local Task = {}

---Waits until it is done. Raises its error, an mm.Error with both tracebacks, of kind "cancelled" if it was cancelled.
---@param timeout? number seconds
---@return any ... the results of its function; nil and "timeout" if it is not done by then
function Task:get(timeout) end

---Waits until it is done, whether it returned or failed. Never raises.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Task:wait(timeout) end

---Ends the task where it waits, or at its next wait; it fails with kind "cancelled".
---@return boolean is_cancelled false: it was already done
function Task:cancel() end

---Whether it has ended.
---@return boolean
function Task:done() end

---See `group`.
---@class manymoons.Group
local Group = {}

---Spawns a task of the group; waits for room first if the group has a limit. Raises once the group has ended.
---@param f function|table
---@param ... any passed on unchanged
---@return manymoons.Task
function Group:spawn(f, ...) end

---Cancels the running tasks; this is not a failure of the group.
function Group:cancel() end
