-- SPDX-License-Identifier: MIT
-- What a pool of the serial world has in the place of bindings/pool_core.c: a task is run when it is put, by the
-- caller. For debugging, and as the baseline that the other worlds are measured against.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local runner = require("pool.vm_runner")

local unpack = checks.unpack

local Core = setmetatable({}, { __index = runner.Core })
local core_meta = { __index = Core, __name = "PoolCore" }

-- Time is looked at every so many instructions while a call that has a limit runs.
local INSTRUCTIONS = 1000

-- Calls f as the pool's worker.
local function as_worker(worker, f, ...)
  local before = identity.set_current({ name = worker.name, pid = native.pid(), daemon = true, world = worker.world })
  local results = checks.pack(f(...))
  identity.set_current(before)
  return unpack(results, 1, results.n)
end

local function put_into(core)
  return function(answer)
    core.last = core.last + 1
    core.results[core.last] = answer
  end
end

local function begin(self, name)
  local pool, worker = self.pool, self.worker
  local args = pool._initargs
  worker.name, worker.world, worker.state = name, pool._world, runner.new_state(pool._maxtasks)
  as_worker(worker, runner.initialize, put_into(self), pool._initializer, unpack(args, 1, args.n))
  worker.state.ready = native.time()
end

function Core.start(self, pool, name)
  self.pool, self.worker = pool, setmetatable({}, self.worker_meta)
  begin(self, name)
  return self.worker
end

-- Seconds that each call of the task that is put next may take.
function Core.set_limit(self, seconds) self.limit = seconds end

-- A task with a limit is interrupted like one elsewhere, as far as a hook can; the pool's clock does the rest.
local function run_timed(self, task)
  local timeout, state, worker = self.limit, self.worker.state, self.worker
  local hook, mask, count = debug.gethook()
  debug.sethook(function()
    if state.begun > 0 and native.time() - state.begun > timeout then error("the call takes too long", 0) end
  end, "", INSTRUCTIONS)
  state.limit = timeout
  as_worker(worker, runner.run, task, state, put_into(self))
  state.limit = nil
  debug.sethook(hook, mask, count)
end

function Core.put_task(self, task)
  if self.worker.state.left <= 0 then begin(self, self.pool._next_name(self.pool)) end
  if self.limit then
    run_timed(self, task)
  else
    as_worker(self.worker, runner.run, task, self.worker.state, put_into(self))
  end
  return task.number
end

function Core.all_live() return true end

function Core.take(self)
  if self.first > self.last then return nil, "timeout" end
  local answer = self.results[self.first]
  self.results[self.first] = nil
  self.first = self.first + 1
  local values = answer.values
  return answer.id, answer.outcome, answer.first, answer.count, answer.ns, unpack(values, 1, values.n)
end

function Core.claim() return 0, 0 end
function Core.running() return 0, 0, 0 end
function Core.doom() return false end
function Core.measures(_, worker) return runner.measures(worker.state) end
function Core.nudge() end
function Core.close() end
function Core.drain() end

local Worker = {}
function Worker.is_alive() return true end
function Worker.pid() return native.pid() end
function Worker.wait() return true end
function Worker.exitcode() return 0 end
function Worker.interrupt() end
function Worker.kill() end
function Worker.close() end

return function()
  local worker_meta = { __index = Worker, __name = "Worker" }
  return runner.new_core(core_meta, { results = {}, first = 1, last = 0, worker_meta = worker_meta })
end
