---@meta
-- SPDX-License-Identifier: MIT
-- Futures, and the errors of calls: continues types_workers.lua. Nothing here is run.

---The outcome of a submitted call, or of a list of calls. It cannot be sent. If it failed and its result was never
---requested, the error is reported on stderr when the future is collected.
---@class manymoons.Future
local Future = {}

---Waits for the results of the call. Raises an mm.Error if it failed.
---```lua
---local pool = mm.Pool(2)
---local future = pool:submit(mm.sleep, 60)
---local result, why = future:get(0.01)
---assert(result == nil and why == "timeout")
---assert(pool:submit(math.max, 5, 3):get() == 5)
---pool:terminate()
---```
---@param timeout? number seconds
---@return any ... nil and "timeout" if it is not done by then
function Future:get(timeout) end

---Waits until the call is done, whether it returned or failed. Never raises.
---```lua
---local future = mm.Pool(1):submit(error, "no")
---assert(future:wait())
---assert(not future:successful())
---```
---@param timeout? number seconds
---@return boolean? done true, or nil
---@return string? why "timeout"
function Future:wait(timeout) end

---Whether the call is done.
---```lua
---local future = mm.Pool(1):submit(math.sqrt, 16)
---future:wait()
---assert(future:ready())
---```
---@return boolean
function Future:ready() end

---Whether the call returned rather than failed. Raises if it is not done.
---```lua
---local pool = mm.Pool(1)
---local good, bad = pool:submit(math.sqrt, 16), pool:submit(error, "no")
---good:wait()
---bad:wait()
---assert(good:successful() and not bad:successful())
---```
---@return boolean
function Future:successful() end

---Cancels the call: it never runs, or is stopped as by a timeout. It fails with kind "cancelled".
---```lua
---local future = mm.Pool(1):submit(mm.sleep, 60)
---assert(future:cancel())
---local is_ok, err = pcall(future.get, future)
---assert(not is_ok and err.kind == "cancelled")
---```
---@return boolean is_cancelled false: it was already done
function Future:cancel() end

---Whether the call was cancelled, by cancel or by the end of its pool.
---```lua
---local future = mm.Pool(1):submit(mm.sleep, 60)
---assert(not future:cancelled())
---future:cancel()
---assert(future:cancelled() and tostring(future) == "Future: cancelled")
---```
---@return boolean
function Future:cancelled() end

---Whether a worker runs the call, or an item of the list. Of a pool on a broker it is not known: false.
---```lua
---local future = mm.Pool(1):submit(math.sqrt, 16)
---future:wait()
---assert(not future:running())
---```
---@return boolean
function Future:running() end

---Waits for the call, and gives the error by which it failed. Does not raise it.
---```lua
---local pool = mm.Pool(1)
---assert(pool:submit(error, "no"):exception().value == "no")
---assert(pool:submit(math.sqrt, 16):exception() == nil)
---```
---@param timeout? number seconds
---@return manymoons.Error? err nil if it did not fail
---@return string? why "timeout" if it is not done by then
function Future:exception(timeout) end

---Calls f(future) when it is done: at once if it already is, otherwise while the script waits. An error in f is reported
---on stderr.
---```lua
---local result
---local future = mm.Pool(1):submit(math.sqrt, 16)
---future:wait()
---future:on_done(function(done) result = done:get() end) -- at once, as it is done
---assert(result == 4)
---```
---@param f function|table
---@return manymoons.Future self
function Future:on_done(f) end

---Gives up the outcome: cancels the call unless it is done. Safe to call twice; any other use afterwards raises. The end
---of a `<close>` variable (Lua 5.4) does the same.
---```lua
---local future = mm.Pool(1):submit(mm.sleep, 60)
---future:close()
---assert(not pcall(future.get, future))
---```
function Future:close() end

---The error that is raised where the result of a failed call is requested. tostring gives `call` and `worker`, the message,
---and the script's calls in the worker and in the caller; with MANYMOONS_DEBUG=1 in the environment also the library's.
---```lua
---local pool = mm.Pool(1)
---local is_ok, err = pcall(pool.apply, pool, function() error({ code = 7 }) end)
---assert(not is_ok and getmetatable(err) == mm.Error)
---assert(err.kind == "error" and err.value.code == 7 and err.worker == "PoolWorker-1")
---```
---@class manymoons.Error
---@field message string the error message
---@field value any the original error value if it can be sent, otherwise the message
---@field traceback string the worker's; empty if it died
---@field kind "error"|"died"|"timeout"|"cancelled"|"unsendable"|"deadlock" unsendable: the call ran, but its result could not be sent; deadlock: it waited for what could never come
---@field worker string the name of the worker
---@field errors? table<integer, manymoons.Error> of lists: the errors of all items that failed, by index; of `race`: those of all tasks;
---of `gather` and `group`: those of all tasks that failed, if several did, the raised one first
---@field call? string the call of a pool: "item 3 of map", "submit"
---@field exitcode? integer of a worker that died: N after os.exit(N), -N after signal N
