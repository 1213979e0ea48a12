---@meta
-- SPDX-License-Identifier: MIT
-- Processes, their options, and what a worker knows of itself: continues types.lua. Nothing here is run.

---A worker, seen from inside.
---```lua
---local main = mm.current_process()
---assert(main.name == "MainProcess")
---local pool = mm.Pool({ workers = 1, name = "Reader" })
---local worker = pool:apply(mm.current_process)
---assert(worker.name == "Reader-1" and worker.pid ~= main.pid)
---```
---@class manymoons.Identity
---@field name string
---@field pid integer of the operating-system process; interpreters share the pid of their program
---@field daemon? boolean

---The worker that started this one, as this one sees it. It ends after its workers: one that is no daemon is joined, a
---daemon is terminated, and a process whose parent is killed ends with it.
---@class manymoons.ParentProcess
---@field name string
---@field pid integer of the operating-system process
local ParentProcess = {}

---Whether the parent has not ended.
---```lua
---local worker = mm.Process(function() assert(mm.parent_process():is_alive()) end)
---worker:start()
---worker:join()
---assert(worker.exitcode == 0)
---```
---@return boolean
function ParentProcess:is_alive() end

---Waits until the parent has ended. A worker that is no daemon needs a timeout, because its parent waits for it: without
---one the call raises an mm.Error of kind "deadlock". A daemon is terminated while it waits.
---```lua
---local worker = mm.Process(function()
---  local ended, why = mm.parent_process():join(0.01)
---  assert(ended == nil and why == "timeout")
---end)
---worker:start()
---worker:join()
---assert(worker.exitcode == 0)
---```
---@param timeout? number seconds
---@return boolean? ended true, or nil
---@return string? why "timeout"
function ParentProcess:join(timeout) end

---The named arguments of a Process.
---```lua
---local worker = mm.Process({ target = os.exit, args = { 7 }, name = "Loader", timeout = 60 })
---worker:start()
---worker:join()
---assert(worker.name == "Loader" and worker.exitcode == 7)
---```
---@class manymoons.ProcessOptions
---@field target function|table called in the worker
---@field args? any[] its arguments; with a field n if some are nil
---@field name? string default: Process-1, Process-2, …; of a child of Process-1: Process-1:1, …
---@field daemon? boolean terminated, not joined, when the worker that started it ends; default: as that worker, and so
---true in a task of a pool, false in the main program
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
---@field sentinel? integer|manymoons.Process for mm.wait, ready once it has ended: the descriptor of a process, elsewhere the Process itself; nil before start
local Process = {}

---Starts it. Raises if it was started before, if the function or an argument cannot be sent, or if the system
---refuses to start one.
---```lua
---local event = mm.Event()
---local worker = mm.Process(function() event:set() end)
---worker:start()
---assert(event:wait() and worker.pid)
---worker:join()
---```
function Process:start() end

---Waits until it has ended.
---```lua
---local worker = mm.Process(mm.sleep, 60)
---worker:start()
---local ended, why = worker:join(0.01)
---assert(ended == nil and why == "timeout")
---worker:terminate()
---assert(worker:join())
---```
---@param timeout? number seconds; absent: for ever; 0: does not wait
---@return boolean? ended true, or nil
---@return string? why "timeout"
function Process:join(timeout) end

---Whether it was started and has not ended.
---```lua
---local worker = mm.Process(math.sqrt, 2)
---assert(not worker:is_alive())
---worker:start()
---worker:join()
---assert(not worker:is_alive() and worker.exitcode == 0)
---```
---@return boolean
function Process:is_alive() end

---Asks it to end, and does not wait. An error ends its function: `<close>` variables and what follows a `pcall` have
---0.1 s. A function that goes on gets the error once more, and is then stopped (mm.cancelled).
---```lua
---local worker = mm.Process(mm.sleep, 60)
---worker:start()
---worker:terminate()
---worker:join()
---assert(worker.exitcode ~= 0)
---```
function Process:terminate() end

---Kills a process with SIGKILL. An interpreter, and a thread, stops at its next step without cleaning up. Does not wait.
---```lua
---local worker = mm.processes.Process(mm.sleep, 60)
---worker:start()
---worker:kill()
---worker:join()
---assert(worker.exitcode == -9)
---```
function Process:kill() end

---Releases its resources. Raises while it runs; safe to call twice. exitcode and pid can still be read. The end of a
---`<close>` variable (Lua 5.4) waits for the worker, and terminates a daemon, before.
---```lua
---local worker = mm.Process(math.sqrt, 2)
---worker:start()
---worker:join()
---worker:close()
---assert(worker.exitcode == 0)
---```
function Process:close() end

---What writes lines of a program's workers to stderr. It may be sent, and has the level of the worker that uses it.
---```lua
---local logger = mm.log_to_stderr("error")
---mm.Pool(1):apply(function(n) logger:debug("got %d", n) end, 7) -- at "debug": [DEBUG/PoolWorker-1 4712] got 7
---mm.log_to_stderr(false)
---```
---@class manymoons.Logger
local Logger = {}

---Writes a line of the level "debug".
---```lua
---mm.get_logger():debug("row %d of %d", 3, 10)
---```
---@param text string a format of string.format, if there is more
---@param ... any
function Logger:debug(text, ...) end

---Writes a line of the level "info".
---```lua
---mm.get_logger():info("begins")
---```
---@param text string
---@param ... any
function Logger:info(text, ...) end

---Writes a line of the level "warning".
---```lua
---mm.get_logger():warning("%d tries left", 2)
---```
---@param text string
---@param ... any
function Logger:warning(text, ...) end

---Writes a line of the level "error".
---```lua
---mm.get_logger():error("gives up")
---```
---@param text string
---@param ... any
function Logger:error(text, ...) end
