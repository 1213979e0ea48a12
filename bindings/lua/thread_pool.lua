-- SPDX-License-Identifier: MIT
-- What a pool of threads has in the place of bindings/pool_core.c and pool_worker.c: tasks and results are Lua objects
-- in two queues of this VM, passed and not copied. The policy is that of every pool (pool.lua).
--
-- Code of this module is never made to make way in the middle (state/vm_interrupt.c), so what stands between two
-- waits here is one step for all threads.
local private = ...

local unpack, pack = private.unpack, private.pack

local CALL, STARMAP = 0, 2
local DONE, FAILED, INITIALIZER_FAILED, READY = 0, 1, 2, 0

local Core = {}
local core_meta = { __index = Core, __name = "PoolCore" }

-- The worker's side ------------------------------------------------------------------------------------------------

local function run_call(core, task)
  local outcome = pack(private.call_here(private.current().name, task.f, unpack(task.args, 1, task.args.n)))
  if outcome[1] then
    core.results:put({ id = task.id, outcome = DONE, values = pack(unpack(outcome, 2, outcome.n)) })
  else
    core.results:put({ id = task.id, outcome = FAILED, values = pack(outcome[2]) })
  end
end

local function call_item(task, item)
  local name = private.current().name
  if task.mode == STARMAP then return private.call_here(name, task.f, unpack(item, 1, item.n or #item)) end
  return private.call_here(name, task.f, item)
end

local function run_slice(core, task)
  local results, failures = {}, {}
  for i = 1, task.count do
    local ok, result = call_item(task, task.list[task.first + i - 1])
    if ok then results[i] = result else failures[i] = result end
  end
  core.results:put({ id = task.id, outcome = DONE, values = pack(task.count, results, failures) })
end

local function initialize(core, initializer, ...)
  if not initializer then return true end
  local ok, err = private.call_here(private.current().name, initializer, ...)
  core.results:put({ id = 0, outcome = ok and READY or INITIALIZER_FAILED, values = pack(err) })
  return ok
end

local function work(core, state, maxtasks, initializer, ...)
  if not initialize(core, initializer, ...) then return end
  local done = 0
  while not maxtasks or done < maxtasks do
    local task = core.tasks:get()
    if not task then return end
    state.claim = task.number
    private.trace_task(task.id)
    if task.mode == CALL then run_call(core, task) else run_slice(core, task) end
    private.trace_task(nil)
    done = done + (task.count or 1)
    state.claim = 0
  end
end

local function serve(core, ...)
  core.members[private.thread()] = true
  work(core, ...)
  core.members[private.thread()] = nil
end

-- The parent's side ------------------------------------------------------------------------------------------------

function Core.add_function(self, f)
  self.last_function = self.last_function + 1
  self.functions[self.last_function] = f
  return self.last_function, self.last_function
end

function Core.drop_function(self, place) self.functions[place] = nil end

local function put(self, task)
  self.last_number = self.last_number + 1
  task.number = self.last_number
  self.tasks:put(task)
  return task.number
end

function Core.put(self, mode, id, number, _, ...)
  return put(self, { mode = mode, id = id, f = self.functions[number], args = pack(...) })
end

function Core.put_slice(self, mode, id, number, _, list, first, last)
  return put(self, { mode = mode, id = id, f = self.functions[number], list = list, first = first,
    count = last - first + 1 })
end

function Core.start(self, settings, initializer, initargs)
  local state = { claim = 0 }
  local worker = private.start_worker("Pool", "thread", settings, nil, serve, self, state, settings.maxtasksperchild,
    initializer, unpack(initargs, 1, initargs.n))
  self.states[worker] = state
  return worker
end

function Core.all_live(_, workers)
  for _, worker in ipairs(workers) do
    if not worker:is_alive() then return false end
  end
  return true
end

-- One sleep at most: another thread may have taken what this one was woken for, and then it has to look at its future.
function Core.take(self, workers, timeout)
  local result = self.results:get_nowait()
  if not result then
    if timeout == 0 then return nil, "timeout" end
    local deadline = timeout and private.time() + timeout
    private.wait_any({ self.results, unpack(workers) }, timeout, true)
    result = self.results:get_nowait()
    if not result then return nil, deadline and private.time() >= deadline and "timeout" or "look" end
  end
  return result.id, result.outcome, unpack(result.values, 1, result.values.n)
end

function Core.claim(self, worker)
  local state = self.states[worker]
  return state and state.claim or 0
end

function Core.nudge() end
function Core.close(self) self.tasks:close() end
function Core.drain(self)
  while self.tasks:get_nowait() do end
end

return function()
  return setmetatable({
    tasks = private.local_queue_new("SimpleQueue"),
    results = private.local_queue_new("SimpleQueue"),
    functions = {},
    last_function = 0,
    last_number = 0,
    members = {}, -- by thread
    states = setmetatable({}, { __mode = "k" }),
  }, core_meta)
end
