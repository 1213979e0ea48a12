-- SPDX-License-Identifier: MIT
-- Process: one function on one worker, an interpreter or an operating-system process.
--
-- A Process object is a table around a worker handle (bindings/worker.c). Those that were started and have not
-- been seen to end are kept in `children`, so that a Process nobody refers to runs on, and is joined (or, a
-- daemon, terminated) when this VM ends.
local private = ...

local expect = private.expect
local children = {} -- started and not known to have ended, in order of start
local counters = {} -- of the children of each, by the prefix of their names

local prototypes = {} -- methods and metatables by world
local allowed = { target = true, args = true, name = true, daemon = true, method = true }
local limits = private.load("limits")(private)
private.limits = limits
for _, name in ipairs(limits.names) do allowed[name] = true end

-- Children ------------------------------------------------------------------------------------------------

local function forget_ended()
  local alive = {}
  for _, child in ipairs(children) do
    if child._worker:is_alive() then alive[#alive + 1] = child end
  end
  children = alive
end

local function active_children()
  forget_ended()
  local list, here = {}, private.agent()
  for _, child in ipairs(children) do
    if child._starter == here then list[#list + 1] = child end
  end
  return list
end

-- Those of this thread or task; the main thread's end is that of all. "join" waits for those that are not daemons,
-- "terminate" ends all, and "abandon" does so without waiting for it.
local function shutdown(how, agent)
  local ending, others, here = {}, {}, agent or private.agent() or nil
  for _, child in ipairs(children) do
    local list = (not here or child._starter == here) and ending or others
    list[#list + 1] = child
  end
  children = others
  for _, child in ipairs(ending) do
    if how ~= "join" or child._daemon then child._worker:terminate() end
  end
  if how == "abandon" then return end
  for _, child in ipairs(ending) do
    local must_end = how == "terminate" or child._daemon
    if not child._worker:wait(must_end and 1 or nil) then child._worker:close() end
  end
end

-- Settings of a worker --------------------------------------------------------------------------------------

-- What a worker is told about itself and where it comes from; a pool uses it too.
function private.worker_settings(world, name, is_daemon)
  local here = private.current()
  return {
    name = name,
    daemon = is_daemon,
    world = world,
    default_world = private.public.current_world(),
    path = package.path,
    cpath = package.cpath,
    arg = rawget(_G, "arg"),
    parent = { name = here.name, pid = here.pid },
  }
end

-- Fork copies one thread: with more than one in the process, what the others hold would stay held for ever. And it
-- copies windows, sockets and loops of a host, which the copy must not touch and cannot close.
function private.start_method(world, wanted, found)
  if world == "interpreters" then return "interpreter" end
  if world == "threads" then return "thread" end
  if world == "async" then return "task" end
  if wanted then return wanted end
  return not found and private.may_fork() and private.thread_count() == 1 and "fork" or "forkserver"
end

function private.start_worker(where, ...)
  if ... == "task" then return private.tasks().start_worker(select(2, ...)) end
  local worker, why = private.worker_start(...)
  if worker then return worker end
  if why:find("^ENOSYS") then
    why = "Lua is part of this host program, and no library of the same version is installed to run workers with"
  end
  error(where .. ": cannot start a worker: " .. why, 3)
end

-- Methods ----------------------------------------------------------------------------------------------------

local methods = {}

local function started(self, where)
  if self._closed then error(where .. ": " .. self._name .. " is closed", 3) end
  if not self._worker then error(where .. ": " .. self._name .. " has not been started", 3) end
  return self._worker
end

function methods.start(self)
  if self._closed then error("Process:start: " .. self._name .. " is closed", 2) end
  if self._worker then error("Process:start: " .. self._name .. " was started before", 2) end
  local method = private.start_method(self._world, self._method, self._limits)
  local settings = private.worker_settings(self._world, self._name, self._daemon)
  settings.limits = self._limits or nil
  local args = self._args
  if method == "thread" or method == "task" then args, settings.handles = private.arguments_of_thread(args) end
  forget_ended()
  self._worker = private.start_worker("Process:start", method, settings, nil, self._target,
    private.unpack(args, 1, args.n))
  self._target, self._args = nil, nil
  self._starter = private.agent()
  children[#children + 1] = self
end

function methods.join(self, timeout)
  local done, why = started(self, "Process:join"):wait(timeout)
  if done then forget_ended() end
  return done, why
end

function methods.is_alive(self)
  if self._closed then error("Process:is_alive: " .. self._name .. " is closed", 2) end
  return self._worker and self._worker:is_alive()
end

function methods.terminate(self) started(self, "Process:terminate"):terminate() end
function methods.kill(self) started(self, "Process:kill"):kill() end

function methods.close(self)
  if self._closed then return end
  if self._worker then
    if self._worker:is_alive() then error("Process:close: " .. self._name .. " is still running", 2) end
    self._exitcode, self._pid = self._worker:exitcode(), self._worker:pid()
    forget_ended()
    self._worker:close()
  end
  self._closed = true
end

-- Fields -------------------------------------------------------------------------------------------------------

local fields = {}

function fields.name(self) return self._name end
function fields.daemon(self) return self._daemon end
function fields.pid(self)
  if self._closed then return self._pid or nil end
  return self._worker and self._worker:pid() or nil
end
function fields.exitcode(self)
  if self._closed then return self._exitcode or nil end
  return self._worker and self._worker:exitcode() or nil
end
function fields.sentinel(self) return self._worker and not self._closed and self._worker:sentinel() or nil end

local function read(self, key)
  if methods[key] then return methods[key] end
  return fields[key] and fields[key](self)
end

local function write(self, key, value)
  if key ~= "name" and key ~= "daemon" then error("Process: no field '" .. tostring(key) .. "' to set", 2) end
  if self._worker then error("Process: " .. key .. " cannot change after start", 2) end
  rawset(self, "_" .. key, value)
end

local function describe(self)
  local state = "initial"
  if self._closed then
    state = "closed"
  elseif self._worker then
    local code = self._worker:exitcode()
    state = code and "ended, exitcode " .. code or "running"
  end
  return string.format("Process: %s (%s)", self._name, state)
end

-- Construction -----------------------------------------------------------------------------------------------------

-- Process(f, …) or Process{ target = f, args = {…}, name =, daemon =, method = }
function private.read_process_arguments(first, ...)
  if type(first) ~= "table" or getmetatable(first) then
    expect(private.is_callable(first), "Process", "a function expected, got " .. type(first), 3)
    return { target = first, args = private.pack(...) }
  end
  private.check_options(first, allowed, "Process")
  expect(private.is_callable(first.target), "Process", "target: a function expected, got " .. type(first.target), 3)
  local args = first.args or {}
  expect(type(args) == "table", "Process", "args: a list expected, got " .. type(args), 3)
  local copy = { n = args.n or #args }
  for i = 1, copy.n do copy[i] = args[i] end
  return { target = first.target, args = copy, name = first.name, daemon = first.daemon, method = first.method,
    memory = first.memory, timeout = first.timeout, libs = first.libs, nice = first.nice }
end

local start_methods = { fork = true, spawn = true, forkserver = true }

function private.next_process_name()
  local here = private.current().name
  local prefix = here == "MainProcess" and "Process-" or here .. ":"
  counters[prefix] = (counters[prefix] or 0) + 1
  return prefix .. counters[prefix]
end

local function class(world)
  if prototypes[world] then return prototypes[world] end
  local meta = { __index = read, __newindex = write, __tostring = describe, __name = "Process", __close = nil }
  function meta.__mm_wait(self)
    if self._closed then return true end
    return started(self, "wait"), true
  end
  prototypes[world] = function(...)
    local options = private.read_process_arguments(...)
    expect(options.method == nil or start_methods[options.method], "Process",
      "method: 'fork', 'spawn' or 'forkserver' expected, got " .. tostring(options.method))
    expect(options.name == nil or type(options.name) == "string", "Process",
      "name: a string expected, got " .. type(options.name))
    local found = limits.read("Process", world, options)
    limits.check_method("Process", found, options.method)
    local self = {
      _world = world,
      _target = options.target,
      _args = options.args,
      _name = options.name or private.next_process_name(),
      _daemon = options.daemon and true or false,
      _method = options.method,
      _limits = found or false,
      _starter = false,
      _worker = false, -- all fields exist from the start: __newindex is for the public ones
      _closed = false,
      _pid = false,
      _exitcode = false,
    }
    return setmetatable(self, meta)
  end
  return prototypes[world]
end

return {
  class = class,
  active_children = active_children,
  shutdown = shutdown,
  after_fork = function()
    children = {}
    counters = {}
  end,
}
