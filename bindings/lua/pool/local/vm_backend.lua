-- SPDX-License-Identifier: MIT
-- The backend of a pool of threads, or of tasks of the world `async`: tasks and results are Lua
-- objects in two queues of this VM, passed and not copied.
--
-- Code of this module does not release the VM lock between two waits (state/vm_interrupt.c), so no
-- other thread runs in between.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local waits = require("core.waits")
local local_backend = require("pool.local.local_backend")
local runner = require("pool.local.vm_runner")
local beside = require("pool.forks.beside")
local tasks = require("pool.tasks")
local starting = require("worker.start")

local unpack, USUAL = checks.unpack, tasks.USUAL_PRIORITY

local is_jit = jit ~= nil -- luacheck: ignore

local Backend = setmetatable({}, { __index = local_backend.Backend })
local backend_meta = { __index = Backend, __name = "PoolBackend" }

-- No other code of this VM runs while a task does: a hook of its own coroutine interrupts one that
-- takes too long.
local function run_limited(task, state, put)
  local here = coroutine.running()
  state.limit = task.limit
  runner.run_limited(task, state, put, function() return coroutine.running() == here end)
end

-- Elsewhere a hook goes with its coroutine.
local function restore_hook_at_end(state)
  local own = is_jit and waits.current_task()
  if not own then return end
  waits.tasks.on_end(own, function()
    if state.restore then state.restore() end
  end)
end

local function wait_for_task(backend, state)
  backend.idle = backend.idle + 1
  local things = { backend.tasks, state.leave, backend.offers, backend.urgent, backend.later }
  local ok, why = pcall(waits.any, things, nil, true)
  backend.idle = backend.idle - 1
  backend.offers:_take()
  if not ok then error(why, 0) end
end

-- The next task; nil: there will be none for this worker. Meanwhile it runs what tasks have given to the pool.
local function next_task(backend, state)
  while not state.must_stop do
    local task, why = backend.urgent and backend.urgent:_take() or backend.tasks:_take(), nil
    if not task then task, why = backend.tasks:get(0) end
    task = task or backend.later and backend.later:_take()
    if task then return task end
    if not beside.serve(backend, state) then
      if why == "closed" then return nil end
      wait_for_task(backend, state)
    end
  end
end

local function serve(backend, state, initializer, ...)
  restore_hook_at_end(state)
  local function put(answer) backend.results:put(answer) end
  backend.members[identity.execution_context()] = state
  if runner.initialize(state, put, initializer, ...) then
    state.ready = native.time()
    while state.left > 0 and not state.must_stop do
      local task = next_task(backend, state)
      if not task then break end
      if task.limit then run_limited(task, state, put) else runner.run(task, state, put) end
      if waits.is_ending() then error("interrupted", 0) end -- the task caught that
    end
    if state.leaves or not state.must_stop then runner.finalize(state) end
  end
  backend.members[identity.execution_context()] = nil
end

-- The queues of other priorities than the usual one, from the first such task on. Idle workers have to know of them.
local function make_queues(self)
  self.urgent, self.later = native.local_queue_new("PriorityQueue"), native.local_queue_new("PriorityQueue")
  for _ = 1, self.idle do self.offers:put(true) end
end

function Backend.put_task(self, task)
  if self.method == "task" then task.limit = self.timeout end
  local priority = self.priority
  if priority == USUAL then
    self.tasks:put(task)
  else
    if not self.urgent then make_queues(self) end
    local queue = priority > USUAL and self.urgent or self.later
    queue:put(task, { priority = -priority })
  end
  return task.number
end

function Backend.set_priority(self, priority) self.priority = priority end

function Backend.set_timeout(self, seconds) self.timeout = seconds end

function Backend.all_live(_, workers)
  for _, worker in ipairs(workers) do
    if not worker:is_alive() then return false end
  end
  return true
end

-- Sleeps once at most: another thread may have taken the result, so the caller has to check its future.
function Backend.take(self, workers, timeout)
  local answer = self.results:_take()
  if not answer then
    if timeout == 0 then return nil, "timeout" end
    local deadline = timeout and native.time() + timeout
    waits.any({ self.results, unpack(workers) }, timeout, true)
    answer = self.results:_take()
    if not answer then return nil, deadline and native.time() >= deadline and "timeout" or "check" end
  end
  return answer.id, answer.outcome, answer.first, answer.count, answer.ns, unpack(answer.values, 1, answer.values.n)
end

function Backend.claim(self, worker)
  local state = self.states[worker]
  return state.claim, state.item
end

function Backend.rescue(self, worker, make_error)
  local state = self.states[worker]
  runner.rescue(state)
  beside.bury(self, state, make_error)
end

function Backend.running(self, worker)
  local state = self.states[worker]
  return state.claim, state.item, state.begun > 0 and native.time() - state.begun or 0
end

function Backend.request_stop(self, worker, number, item)
  local state = self.states[worker]
  state.must_stop = true
  return state.claim == number and (not item or state.item == item)
end

function Backend.request_leave(self, worker)
  local state = self.states[worker]
  state.must_stop, state.leaves = true, true
  state.leave:put(true)
end

function Backend.measures(self, worker) return runner.measures(self.states[worker]) end
function Backend.wake() end
function Backend.waitable(self) return self.results end
function Backend.as_worker(self, pool)
  local state = self.members[identity.execution_context()]
  if not state then return nil end
  beside.begin(pool)
  return beside.of_worker(self, state)
end
function Backend.end_forks(self, make_error)
  for _, state in pairs(self.states) do beside.bury(self, state, make_error) end
end
function Backend.close(self) self.tasks:close() end
local function empty(queue)
  while queue and queue:_take() do end
end

function Backend.drain(self)
  empty(self.urgent)
  empty(self.tasks)
  empty(self.later)
end

-- method: "thread" or "task", the kind of worker
local function new(row)
  local backend = local_backend.new(backend_meta, {
    method = row.start,
    tasks = native.local_queue_new("SimpleQueue"),
    results = native.local_queue_new("SimpleQueue"),
    priority = USUAL,
    members = {}, -- states by execution context
    states = setmetatable({}, { __mode = "k" }),
  })
  beside.prepare(backend)
  return backend
end

local function start(backend, config, settings)
  local state, args = runner.new_state(config.max_tasks, config.seed, config.finalizer), config.initargs
  state.leave = native.local_queue_new("SimpleQueue")
  local worker = starting.start("Pool", backend.method, settings, nil, serve, backend, state, config.initializer,
    unpack(args, 1, args.n))
  backend.states[worker] = state
  return worker
end

return { new = new, start = start }
