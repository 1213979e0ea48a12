-- SPDX-License-Identifier: MIT
-- The serial world: each worker is a plain call, made at once, in the caller. For debugging, and as the baseline that
-- the other worlds are measured against.
local private = ...

local expect, unpack = private.expect, private.unpack

-- Process: the call is made by start ------------------------------------------------------------------------

local Process = {}

local function started(self, where)
  if not self._started then error(where .. ": " .. self.name .. " has not been started", 3) end
end

function Process.start(self)
  if self._started then error("Process:start: " .. self.name .. " was started before", 2) end
  self._started = true
  self.pid = private.pid()
  local before = private.set_current({ name = self.name, pid = self.pid, daemon = self.daemon, world = "serial" })
  local ok, err = private.call_here(self.name, self._target, unpack(self._args, 1, self._args.n))
  private.set_current(before)
  self.exitcode = ok and 0 or 1
  if not ok then
    io.stdout:flush()
    io.stderr:write(self.name, ": ", tostring(err), "\n")
  end
end

function Process.join(self)
  started(self, "Process:join")
  return true
end

function Process.is_alive() return false end
function Process.terminate(self) started(self, "Process:terminate") end
function Process.kill(self) started(self, "Process:kill") end
function Process.close() end

local process_meta = {
  __index = Process,
  __name = "Process",
  __tostring = function(self) return "Process: " .. self.name end,
  __mm_wait = function(self)
    started(self, "wait")
    return true
  end,
}

local function new_process(...)
  local options = private.read_process_arguments(...)
  return setmetatable({
    _target = options.target,
    _args = options.args,
    name = options.name or private.next_process_name(),
    daemon = options.daemon and true or false,
  }, process_meta)
end

-- Pool: each submit is the call ---------------------------------------------------------------------------------

local Pool = {}

local function check_open(self, where)
  if self._closed then error(where .. ": the pool is closed", 3) end
end

local function worker_name(self) return self._name .. "-1" end

-- Calls f(…) as the pool's worker.
local function as_worker(self, f, ...)
  local here = { name = worker_name(self), pid = private.pid(), daemon = true, world = "serial" }
  local before = private.set_current(here)
  local results = private.pack(f(...))
  private.set_current(before)
  return results
end

local function run(self, f, ...) return as_worker(self, private.call_here, worker_name(self), f, ...) end

function Pool.submit(self, f, ...)
  check_open(self, "Pool:submit")
  expect(private.is_callable(f), "Pool:submit", "a function expected, got " .. type(f))
  return private.settled_future(run(self, f, ...))
end

function Pool.apply(self, f, ...)
  check_open(self, "Pool:apply")
  expect(private.is_callable(f), "Pool:apply", "a function expected, got " .. type(f))
  return private.settled_future(run(self, f, ...)):get()
end

-- The results, and the first error.
local function call_each(name, f, list, call)
  local results, first_error = {}, nil
  for i = 1, list.n or #list do
    local ok, result = call(name, f, list[i])
    if ok then
      results[i] = result
    else
      first_error = first_error or result
    end
  end
  return results, first_error
end

local function map_with(self, f, list, call)
  local outcome = as_worker(self, call_each, worker_name(self), f, list, call)
  if outcome[2] then private.raise(outcome[2]) end
  return outcome[1]
end

function Pool.map(self, f, list, opts)
  check_open(self, "Pool:map")
  private.check_map_arguments("Pool:map", f, list, opts)
  return map_with(self, f, list, private.call_here)
end

function Pool.starmap(self, f, list, opts)
  check_open(self, "Pool:starmap")
  private.check_map_arguments("Pool:starmap", f, list, opts)
  return map_with(self, f, list, function(name, g, item)
    return private.call_here(name, g, unpack(item, 1, item.n or #item))
  end)
end

function Pool.close(self) self._closed = true end
function Pool.terminate(self) self._closed = true end
function Pool.join(self)
  if not self._closed then error("Pool:join: the pool is still open; call close or terminate first", 2) end
  return true
end

local pool_meta = { __index = Pool, __name = "Pool", __close = Pool.terminate }

local function new_pool(...)
  local options = private.read_pool_arguments(...)
  local self = setmetatable({ _name = options.name or "PoolWorker" }, pool_meta)
  if options.initializer then
    local outcome = run(self, options.initializer, unpack(options.initargs, 1, options.initargs.n))
    if not outcome[1] then private.raise(outcome[2]) end
  end
  return self
end

return { Process = new_process, Pool = new_pool }
