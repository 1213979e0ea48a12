-- SPDX-License-Identifier: MIT
-- What a pool of threads has in the place of bindings/pool_core.c: tasks and results are Lua objects in two queues of
-- this VM, passed and not copied.
--
-- Code of this module is never made to make way in the middle (state/vm_interrupt.c), so what stands between two
-- waits here is one step for all threads.
local private, runner = ...

local unpack = private.unpack

local Core = setmetatable({}, { __index = runner.Core })
local core_meta = { __index = Core, __name = "PoolCore" }

local function serve(core, state, initializer, ...)
  local function put(answer) core.results:put(answer) end
  core.members[private.thread()] = true
  if runner.initialize(put, initializer, ...) then
    state.ready = private.time()
    while state.left > 0 and not state.doomed do
      local task = core.tasks:get()
      if not task then break end
      runner.run(task, state, put)
    end
  end
  core.members[private.thread()] = nil
end

function Core.start(self, pool, _, settings)
  local state, args = runner.new_state(pool._maxtasks), pool._initargs
  local worker = private.start_worker("Pool", "thread", settings, nil, serve, self, state, pool._initializer,
    unpack(args, 1, args.n))
  self.states[worker] = state
  return worker
end

function Core.put_task(self, task)
  self.tasks:put(task)
  return task.number
end

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
    local deadline = timeout and private.time() + timeout
    private.wait_any({ self.results, unpack(workers) }, timeout, true)
    answer = self.results:get_nowait()
    if not answer then return nil, deadline and private.time() >= deadline and "timeout" or "look" end
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
  return state.claim, state.item, state.begun > 0 and private.time() - state.begun or 0
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

return function()
  return runner.new_core(core_meta, {
    tasks = private.local_queue_new("SimpleQueue"),
    results = private.local_queue_new("SimpleQueue"),
    members = {}, -- by thread
    states = setmetatable({}, { __mode = "k" }),
  })
end
