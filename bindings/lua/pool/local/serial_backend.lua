-- SPDX-License-Identifier: MIT
-- The backend of a pool of the serial world: the caller runs a task when it puts it. For
-- debugging, and as the baseline that the other worlds are measured against.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local local_backend = require("pool.local.local_backend")
local runner = require("pool.local.vm_runner")
local streams = require("async.streams")
local waits = require("core.waits")
local log = require("worker.log")

local unpack = checks.unpack

local Backend = setmetatable({}, { __index = local_backend.Backend })
local backend_meta = { __index = Backend, __name = "PoolBackend" }

-- Calls f as the pool's worker.
local function as_worker(worker, f, ...)
  local me = {
    name = worker.name, pid = native.pid(), daemon = true, world = worker.world, is_call = true,
    task = waits.current_task(),
  }
  worker.state.me = me
  local before, parent = identity.set_current(me, identity.current())
  local results = checks.pack(f(...))
  identity.set_current(before, parent)
  return unpack(results, 1, results.n)
end

local function put_into(backend)
  return function(answer)
    backend.last = backend.last + 1
    backend.results[backend.last] = answer
  end
end

local function begin(self, name)
  local config, worker = self.config, self.worker
  local args = config.initargs
  worker.name, worker.world = name, config.world
  log.say("info", "%s starts, pid %d", name, native.pid())
  worker.state = runner.new_state(config.max_tasks, config.seed, config.finalizer)
  as_worker(worker, runner.initialize, worker.state, put_into(self), config.initializer, unpack(args, 1, args.n))
  worker.state.ready = native.time()
end

function Backend.set_timeout(self, seconds) self.timeout = seconds end

-- A hook interrupts a call with a timeout. Code that no hook can interrupt fails when it ends, in
-- vm_runner.lua.
local function is_here() return true end

local function run_timed(self, task)
  local worker = self.worker
  worker.state.limit = self.timeout
  as_worker(worker, runner.run_limited, task, worker.state, put_into(self), is_here)
end

-- A worker that called os.exit has died.
local function finalize(self)
  local state = self.worker.state
  if not (state.me and state.me.exit_code) then as_worker(self.worker, runner.finalize, state) end
end

local function run(self, task)
  local state = self.worker.state
  if state.left <= 0 then
    if state.claim == 0 then finalize(self) end -- else its task goes on after this one
    begin(self, self.next_name())
  end
  if self.timeout then
    run_timed(self, task)
  else
    as_worker(self.worker, runner.run, task, self.worker.state, put_into(self))
  end
end

-- A call of a task begins on top of it. So many on one C stack: each takes some of the 200 C calls that Lua allows.
local DEEP = 16

local function run_nested(self, task)
  local state, depth = self.worker.state, self.depth + 1
  local left = runner.leave_task(state)
  self.depth = depth
  if depth % DEEP == 0 then native.deep_call(run, self, task) else run(self, task) end
  self.depth = depth - 1
  if self.worker.state ~= state then finalize(self) end
  runner.return_to_task(state, left)
  self.worker.state = state
end

function Backend.put_task(self, task)
  if self.worker.state.claim ~= 0 then run_nested(self, task) else run(self, task) end
  return task.number
end

function Backend.next_place(self)
  local state = self.worker.state
  if state.claim == 0 then return nil end
  state.children = state.children + 1
  return streams.child_place(state.place, state.children)
end

function Backend.all_live() return true end

function Backend.take(self)
  if self.first > self.last then return nil, "timeout" end
  local answer = self.results[self.first]
  self.results[self.first] = nil
  self.first = self.first + 1
  local values = answer.values
  return answer.id, answer.outcome, answer.first, answer.count, answer.ns, unpack(values, 1, values.n)
end

function Backend.claim() return 0, 0 end
function Backend.running() return 0, 0, 0 end
function Backend.request_stop() return false end
function Backend.request_leave() end
function Backend.measures(_, worker) return runner.measures(worker.state) end
function Backend.wake() end
function Backend.waitable(self) return self end -- every future is done when it is made
function Backend.rescue() end
function Backend.as_worker() end
function Backend.end_forks() end
Backend.close = finalize
function Backend.drain() end

local Worker = {}
function Worker.is_alive() return true end
function Worker.pid() return native.pid() end
function Worker.wait() return true end
function Worker.exitcode() return 0 end
function Worker.interrupt() end
function Worker.kill() end
function Worker.close() end
function Worker.abandon() end
function Worker.is_caller() return false end

local worker_meta = { __index = Worker, __name = "Worker" }

local function new() return local_backend.new(backend_meta, { results = {}, first = 1, last = 0, depth = 0 }) end

-- A worker that has made its calls is replaced when the next one comes.
local function start(backend, config, settings, next_name)
  backend.config, backend.next_name, backend.worker = config, next_name, setmetatable({}, worker_meta)
  begin(backend, settings.name)
  return backend.worker
end

return { new = new, start = start }
