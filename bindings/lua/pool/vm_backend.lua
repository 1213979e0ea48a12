-- SPDX-License-Identifier: MIT
-- What a pool of threads, or of tasks of the world `async`, has in the place of bindings/pool_core.c: tasks and results
-- are Lua objects in two queues of this VM, passed and not copied.
--
-- Code of this module is never made to make way in the middle (state/vm_interrupt.c), so what stands between two
-- waits here is one step for all threads.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local waits = require("core.waits")
local runner = require("pool.vm_runner")
local starting = require("worker.start")

local unpack = checks.unpack

local Core = setmetatable({}, { __index = runner.Core })
local core_meta = { __index = Core, __name = "PoolCore" }

-- Nobody else runs while a task does: one that takes too long is interrupted by a hook of its own coroutine.
local INSTRUCTIONS = 1000

local function run_limited(task, state, put)
  local here, limit = coroutine.running(), task.limit
  debug.sethook(function()
    if coroutine.running() == here and state.begun > 0 and native.time() - state.begun > limit then
      error("the call takes too long", 0)
    end
  end, "", INSTRUCTIONS)
  state.limit = limit
  runner.run(task, state, put)
  state.limit = nil
  debug.sethook()
end

local function serve(core, state, initializer, ...)
  local function put(answer) core.results:put(answer) end
  core.members[identity.agent()] = true
  if runner.initialize(put, initializer, ...) then
    state.ready = native.time()
    while state.left > 0 and not state.doomed do
      local task = core.tasks:get()
      if not task then break end
      if task.limit then run_limited(task, state, put) else runner.run(task, state, put) end
    end
  end
  core.members[identity.agent()] = nil
end

function Core.start(self, pool, _, settings)
  local state, args = runner.new_state(pool._maxtasks), pool._initargs
  local worker = starting.start("Pool", self.method, settings, nil, serve, self, state, pool._initializer,
    unpack(args, 1, args.n))
  self.states[worker] = state
  return worker
end

function Core.put_task(self, task)
  if self.method == "task" then task.limit = self.limit end
  self.tasks:put(task)
  return task.number
end

-- Seconds that each call of the task that is put next may take.
function Core.set_limit(self, seconds) self.limit = seconds end

function Core.all_live(_, workers)
  for _, worker in ipairs(workers) do
    if not worker:is_alive() then return false end
  end
  return true
end

-- One sleep at most: another thread may have taken what this one was woken for, and then it has to look at its future.
function Core.take(self, workers, timeout)
  local answer = self.results:get_nowait()
  if not answer then
    if timeout == 0 then return nil, "timeout" end
    local deadline = timeout and native.time() + timeout
    waits.any({ self.results, unpack(workers) }, timeout, true)
    answer = self.results:get_nowait()
    if not answer then return nil, deadline and native.time() >= deadline and "timeout" or "look" end
  end
  return answer.id, answer.outcome, answer.first, answer.count, answer.ns, unpack(answer.values, 1, answer.values.n)
end

function Core.claim(self, worker)
  local state = self.states[worker]
  return state.claim, state.item
end

function Core.rescue(self, worker) runner.rescue(self.states[worker]) end

function Core.running(self, worker)
  local state = self.states[worker]
  return state.claim, state.item, state.begun > 0 and native.time() - state.begun or 0
end

function Core.doom(self, worker, number, item)
  local state = self.states[worker]
  state.doomed = true
  return state.claim == number and (not item or state.item == item)
end

function Core.measures(self, worker) return runner.measures(self.states[worker]) end
function Core.nudge() end
function Core.close(self) self.tasks:close() end
function Core.drain(self)
  while self.tasks:get_nowait() do end
end

-- method: "thread" or "task", what a worker is
return function(method)
  return runner.new_core(core_meta, {
    method = method,
    tasks = native.local_queue_new("SimpleQueue"),
    results = native.local_queue_new("SimpleQueue"),
    members = {}, -- by agent
    states = setmetatable({}, { __mode = "k" }),
  })
end
