-- SPDX-License-Identifier: MIT
-- Process: a function that runs in a worker of its own.
--
-- A Process is a table around a worker handle (worker/worker.c); worker/children.lua lists the running ones.
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")
local waits = require("core.waits")
local vm_pipe = require("queues.vm_pipe")
local children = require("worker.children")
local limits = require("worker.limits")
local processors = require("worker.processors")
local sandbox = require("worker.sandbox")
local starting = require("worker.start")

local expect = checks.expect
local process = {}
local PATIENCE = 1 -- seconds for a daemon that is asked to end
local counters = {} -- by prefix of a name, how many children have been given a name with it

local prototypes = {} -- methods and metatables by world
local allowed = { target = true, args = true, name = true, daemon = true, method = true, sandbox = true,
  cpus = true }
for _, name in ipairs(limits.names) do allowed[name] = true end

-- Methods ----------------------------------------------------------------------------------------------------

local methods = {}

local function shown(self) return native.printable(self._name) end

local metas = {} -- the metatables of the classes, one for each world

local function check(self, where)
  if not metas[getmetatable(self)] then checks.refuse_self(self, where) end
end

local function started(self, where)
  check(self, where)
  if self._closed then checks.fail(where .. ": " .. shown(self) .. " is closed") end
  if not self._worker then checks.fail(where .. ": " .. shown(self) .. " has not been started") end
  return self._worker
end

function methods.start(self)
  check(self, "Process:start")
  if self._closed then checks.fail("Process:start: " .. shown(self) .. " is closed") end
  if self._worker then checks.fail("Process:start: " .. shown(self) .. " was started before") end
  local method = starting.method_of(self._world, self._method, self._limits or self._sandbox)
  local settings = starting.settings(self._world, self._name, self._daemon)
  settings.limits = self._limits or nil
  settings.cpus = self._cpus or nil
  settings.sandbox = sandbox.settings(self._sandbox)
  local args = self._args
  if method == "thread" or method == "task" then args, settings.handles = vm_pipe.arguments_of_thread(args) end
  children.forget_when_due()
  self._worker = starting.start("Process:start", method, settings, nil, self._target,
    checks.unpack(args, 1, args.n))
  self._target, self._args = nil, nil
  children.add(self)
end

-- Waits for the worker's end; one that has not begun is reported, once. What a deadlock is can be told of a worker that
-- has begun, and of a wait without a limit alone: so the wait is cut until then.
local function wait_for_end(self, worker, seconds)
  local start, pause = native.time(), 0.01
  local silent = 0
  while not worker:has_begun() and not self._is_reported and not (seconds and seconds <= silent + pause) do
    local done, why = worker:wait(pause)
    if done or why ~= "timeout" then return done, why end
    silent = native.time() - start
    pause = math.min(pause * 2, starting.SILENCE - silent)
    if pause <= 0 and not worker:has_begun() then
      self._is_reported = true
      starting.report_silence(self._name, self._world)
    end
  end
  return worker:wait(seconds and math.max(0, seconds - (native.time() - start)))
end

function methods.join(self, timeout)
  local worker = started(self, "Process:join")
  local done, why = wait_for_end(self, worker, checks.timeout(timeout, "Process:join"))
  if done then
    children.note_end(self)
    children.forget_when_due()
  end
  return done, why
end

function methods.is_alive(self)
  check(self, "Process:is_alive")
  if self._closed then checks.fail("Process:is_alive: " .. shown(self) .. " is closed") end
  if not self._worker or not self._worker:is_alive() then return false end
  waits.give_turn()
  return self._worker and self._worker:is_alive()
end

function methods.terminate(self) started(self, "Process:terminate"):terminate() end
function methods.kill(self) started(self, "Process:kill"):kill() end

function methods.close(self)
  check(self, "Process:close")
  if self._closed then return end
  if self._worker then
    if self._worker:is_alive() then checks.fail("Process:close: " .. shown(self) .. " is still running") end
    self._exitcode, self._pid = self._worker:exitcode(), self._worker:pid()
    children.forget_ended()
    self._worker:close()
  end
  self._closed = true
end

-- The end of a scope: waits for its end, and stops a daemon before.
local function leave_scope(self)
  local worker = not self._closed and self._worker
  if worker then
    if self._daemon then worker:terminate() end
    if not worker:wait(self._daemon and PATIENCE or nil) then
      worker:kill()
      worker:wait()
    end
  end
  methods.close(self)
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
  if not self._worker then return nil end
  if not self._worker:exitcode() then waits.give_turn() end
  return self._worker:exitcode()
end
-- What mm.wait takes for the worker's end: a descriptor where there is one, and else the Process itself.
function fields.sentinel(self)
  if self._closed or not self._worker then return nil end
  return self._worker:sentinel() or self
end

local function read(self, key)
  if methods[key] then return methods[key] end
  return fields[key] and fields[key](self)
end

local function write(self, key, value)
  if key ~= "name" and key ~= "daemon" then checks.fail("Process: no field '" .. tostring(key) .. "' to set") end
  if self._worker then checks.fail("Process: " .. key .. " cannot change after start") end
  if key == "daemon" then checks.switch(value, "Process", key) end
  expect(key == "daemon" or type(value) == "string", "Process", "name: a string expected, got " .. type(value))
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
  return string.format("Process: %s (%s)", shown(self), state)
end

-- Construction -----------------------------------------------------------------------------------------------------

-- Whether it is a daemon: unless the script says so, if its maker is one.
local function read_daemon(value)
  if checks.switch(value, "Process", "daemon") ~= nil then return value end
  return identity.current().daemon and true or false
end

-- Process(f, …) or Process{ target = f, args = {…}, name =, daemon =, method = }
function process.read_arguments(first, ...)
  if type(first) ~= "table" or getmetatable(first) then
    expect(checks.is_callable(first), "Process", "a function expected, got " .. type(first))
    return { target = first, args = checks.pack(...), daemon = read_daemon(nil) }
  end
  checks.check_options(first, allowed, "Process")
  expect(checks.is_callable(first.target), "Process", "target: a function expected, got " .. type(first.target))
  starting.check_method("Process", first.method)
  expect(first.name == nil or type(first.name) == "string", "Process",
    "name: a string expected, got " .. type(first.name))
  local is_daemon = read_daemon(first.daemon)
  local args = first.args == nil and {} or first.args
  expect(type(args) == "table", "Process", "args: a list expected, got " .. type(args))
  return { target = first.target, args = checks.arguments(args, "Process", "args"), name = first.name,
    daemon = is_daemon, method = first.method, memory = first.memory, timeout = first.timeout, libs = first.libs,
    nice = first.nice, sandbox = first.sandbox, cpus = first.cpus }
end

-- kind: the first part of the names that the main program gives
function process.next_name(kind)
  local here = identity.current().name
  local prefix = here == "MainProcess" and kind .. "-" or here .. ":"
  counters[prefix] = (counters[prefix] or 0) + 1
  return prefix .. counters[prefix]
end

-- The constructor of Process in a world with workers.
function process.class(world)
  if prototypes[world] then return prototypes[world] end
  local meta = { __index = read, __newindex = write, __tostring = describe, __name = "Process", __close = leave_scope,
    __mm_send = false }
  meta.__mm_names = { methods, fields }
  metas[meta] = true
  function meta.__mm_wait(self)
    if self._closed then return true end
    return started(self, "wait"), true
  end
  prototypes[world] = function(...)
    local options = process.read_arguments(...)
    local found = limits.read("Process", world, options)
    local rules = sandbox.read("Process", world, options)
    if not rules then limits.check_method("Process", found, options.method) end
    local self = {
      _world = world,
      _target = options.target,
      _args = options.args,
      _name = options.name or process.next_name("Process"),
      _daemon = options.daemon,
      _method = options.method,
      _limits = found or false,
      _cpus = processors.read("Process", world, options.cpus) or false,
      _sandbox = rules or false,
      _starter = false,
      _is_ended_by_parent = false, -- nothing starts it again
      _is_reported = false,
      _is_noted = false,
      _worker = false, -- all private fields exist from the start, because __newindex accepts only public ones
      _closed = false,
      _pid = false,
      _exitcode = false,
    }
    return setmetatable(self, meta)
  end
  return prototypes[world]
end

function process.after_fork()
  counters = {}
  children.after_fork()
end

return process
