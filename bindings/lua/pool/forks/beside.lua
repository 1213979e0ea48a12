-- SPDX-License-Identifier: MIT
-- How workers of one VM, threads and tasks of the world `async`, share what their tasks give to the pool
-- (pool/forks/forks.lua). All see all lines: an idle worker takes the oldest task of another one's line, and its owner
-- is woken when it is done. Values are passed, not copied.
--
-- Code of this module does not release the VM lock between two waits (state/vm_interrupt.c), so no other thread runs in
-- between.
--
--   backend.members  worker states (pool/local/vm_runner.lua) by execution context
--   backend.inner    the pools of the workers that have one, the oldest first. They do not refer to the program's pool,
--                    which the workers must not keep; backend.config and backend.outer are its settings, and its tasks
--   backend.idle     how many workers could run a task
--   backend.offers   a queue with a value for each idle worker that is to look
--   pool._waiting    of such a pool: queues that get a value when a task of it has ended
local require, native = ...

local identity = require("core.identity")
local waits = require("core.waits")
local forks = require("pool.forks.forks")

local beside = {}
local port = {}
port.__index = port

local weak = { __mode = "k" }

function beside.prepare(backend)
  backend.inner, backend.idle, backend.offers = {}, 0, native.local_queue_new("SimpleQueue")
end

-- Values ----------------------------------------------------------------------------------------------

function port.keep_function(_, f) return f end
function port.keep_arguments() end
function port.results(results) return true, results end
function port.list_results(results, _, failures) return results, failures end

-- Sharing ---------------------------------------------------------------------------------------------

function port:offer()
  local backend = self._port.backend
  if backend.idle > 0 then backend.offers:put(true) end
end

function port.take_back() end
function port.withdraw() return true end

local function steal(backend, own)
  for _, pool in ipairs(backend.inner) do
    local task = pool ~= own and forks.take_oldest(pool)
    if task then return task end
  end
end

function port:help()
  local task = steal(self._port.backend, self)
  if not task then return false end
  forks.run(self, task)
  return true
end

function port.answers() end

function port:finished()
  for queue in pairs(self._waiting) do queue:put(true) end
end

local function empty(queue)
  while queue:_take() do end
end

-- A caller that is a worker is idle meanwhile.
function port:wait(seconds)
  local backend, queue = self._port.backend, native.local_queue_new("SimpleQueue")
  local is_worker = port.caller(self) ~= nil
  self._waiting[queue] = true
  if is_worker then backend.idle = backend.idle + 1 end
  local ok, why = pcall(waits.any, is_worker and { queue, backend.offers } or { queue }, seconds, true)
  if is_worker then backend.idle = backend.idle - 1 end
  self._waiting[queue] = nil
  backend.offers:_take()
  if not ok then error(why, 0) end
end

function port:waitable(thing)
  thing._signal = thing._signal or native.local_queue_new("SimpleQueue")
  self._waiting[thing._signal] = true
  empty(thing._signal)
  return thing._signal
end

function port:caller()
  local state = self._port.backend.members[identity.execution_context()]
  return state and beside.of_worker(self._port.backend, state)
end

function port:has_ended() return self._port.backend.outer.has_ended end
function port:place() return self._port.state.place or 0 end

-- Workers ---------------------------------------------------------------------------------------------

-- A task of the program's pool gives it work.
function beside.begin(pool)
  local backend, config = pool._backend, {}
  if backend.config then return end
  for name, value in pairs(pool._config) do config[name] = value end
  config.timeout, config.idle = nil, nil
  backend.config, backend.outer = config, pool._queue
end

-- The pool as the tasks of the worker with this state have it.
function beside.of_worker(backend, state)
  if state.forks then return state.forks end
  local pool = forks.new(backend.config, identity.current().name,
    setmetatable({ backend = backend, state = state }, port))
  pool._waiting = setmetatable({}, weak)
  state.forks = pool
  table.insert(backend.inner, pool)
  return pool
end

-- For a worker that has nothing else to do: whether there was something.
function beside.serve(backend, state)
  return backend.config ~= nil and forks.serve(beside.of_worker(backend, state))
end

-- The worker has ended, and make_error says why its tasks have failed: those that it ran, and those in its line.
function beside.bury(backend, state, make_error)
  local pool = state.forks
  if not pool then return end
  state.forks = nil
  for place, each in ipairs(backend.inner) do
    if each == pool then
      table.remove(backend.inner, place)
      break
    end
  end
  local task = forks.take_oldest(pool)
  while task do
    forks.bury(task, make_error)
    task = forks.take_oldest(pool)
  end
  for running in pairs(pool._running) do
    if running.answered == 0 then forks.bury(running, make_error) end
  end
end

return beside
