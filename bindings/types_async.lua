---@meta
-- SPDX-License-Identifier: MIT
-- mm.async: tasks that take turns in one thread. A part of types.lua.
--
-- In a task whatever waits (sleep, get, put, recv, acquire, join, wait, …) suspends the task alone, also inside pcall,
-- metamethods, iterators, coroutines of the task's own and callbacks of C functions. Outside of tasks the same calls wait as
-- ever, and the tasks of that thread run meanwhile. A task runs in the thread that spawned it, until it waits: nothing
-- takes the thread away from it.

---The world `async`, whose workers are tasks, and what is done with tasks. In other worlds, too, tasks may be used beside
---workers.
---@class manymoons.Async : manymoons.World
local Async = {}

---Calls main(…) as a task, runs tasks until it has ended, and returns what it returned. Tasks that it and its tasks spawned,
---and that have not ended, are cancelled then. Raises main's error.
---@param main function|table called with the arguments
---@param ... any passed on as they are
---@return any ...
function Async.run(main, ...) end

---A task that calls f(…), from the next wait of the caller on. One that fails, and of which nobody ever asks, is told on
---stderr when it is collected, or when its `run` ends.
---@param f function|table
---@param ... any passed on as they are
---@return manymoons.Task
function Async.spawn(f, ...) end

---The task in which the caller runs; nil outside of tasks.
---@return manymoons.Task?
function Async.current_task() end

---task:cancel()
---@param task manymoons.Task
---@return boolean is_cancelled false: it was done before
function Async.cancel(task) end

---Waits for all of them. The first that fails cancels the others, and its error is raised. If the caller is cancelled, so
---are they.
---@param things (manymoons.Task|manymoons.Future|function)[] functions are spawned
---@return any[] results the first result of each, in order; `n` says how many
function Async.gather(things) end

---f(group) may group:spawn tasks. Waits until f and all of them have ended, and returns what f returned. The first that
---fails cancels the others, and its error is raised.
---@param f fun(group: manymoons.Group): any
---@return any ...
function Async.group(f) end

---What f(…) returns, called as a task; it is cancelled if that takes longer.
---@param seconds number
---@param f function|table
---@param ... any passed on as they are
---@return any ... nil and "timeout" if it was too slow
function Async.timeout(seconds, f, ...) end

---Calls f(resume), and waits until something calls resume(…): any callback API can be awaited so. Later calls of resume return
---false.
---@param f fun(resume: fun(...: any): boolean)
---@return any ... what resume was given
function Async.await(f) end

---Waits until a descriptor can be read or written without waiting. Nobody else may close it meanwhile.
---@param fd integer|table|userdata a number, or what has one: getfd (luasocket), pollfd (cqueues), fileno
---@param mode? "r"|"w" "r" if absent
---@param timeout? number seconds
---@return boolean? ready true, or nil
---@return string? why "timeout", or "EBADF: …"
function Async.wait_fd(fd, mode, timeout) end

---f(…) on a thread of this VM, awaited: for calls of C libraries that leave the VM's lock, or wait in other ways that are
---not known here.
---@param f function|table
---@param ... any passed on as they are
---@return any ... what f returned; its error is raised
function Async.to_thread(f, ...) end

---f(…) in another process, awaited: for work of the processor.
---@param f function|table
---@param ... any copied
---@return any ... what f returned, copied; its error is raised
function Async.to_process(f, ...) end

---Whether a task that keeps its thread for more than 100 ms without waiting is told on stderr, with the place where it
---waited then. The environment variable MANYMOONS_ASYNC_DEBUG, if it is set, says yes.
---@param is_on boolean
function Async.debug(is_on) end

---A function that runs as a task. Of this VM; it cannot be sent. `close` variables of a task that is cancelled are closed (Lua
---5.4).
---@class manymoons.Task
---@field name? string for messages; "Task-7" if absent
local Task = {}

---Waits until it is done. Raises its error, an mm.Error with both tracebacks; kind "cancelled" if it was.
---@param timeout? number seconds
---@return any ... what its function returned; nil and "timeout" if it is not done by then
function Task:get(timeout) end

---Waits until it is done, well or not. Raises nothing.
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Task:wait(timeout) end

---It ends where it waits, or at its next wait, and has failed with kind "cancelled" then.
---@return boolean is_cancelled false: it was done before
function Task:cancel() end

---@return boolean
function Task:done() end

---See `group`.
---@class manymoons.Group
local Group = {}

---A task of the group. Raises once the group has ended.
---@param f function|table
---@param ... any passed on as they are
---@return manymoons.Task
function Group:spawn(f, ...) end

---Cancels those that run; that is no failure of the group.
function Group:cancel() end
