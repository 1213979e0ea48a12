-- SPDX-License-Identifier: MIT
-- Actor: the class. A handle has the actor's core (actors/callers.lua); a VM has one core for each actor, whatever
-- number of handles came to it. actor:name(…) is a call of the object's method of that name.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local worlds = require("core.worlds")
local limits = require("worker.limits")
local process = require("worker.process")
local processors = require("worker.processors")
local queues = require("queues.queues")
local starting = require("worker.start")

local expect, unpack = checks.expect, checks.unpack

local actors = {}

local Actor = {}
local meta = { __name = "Actor", __mm_names = { Actor } }
local cores = setmetatable({}, { __mode = "v" }) -- by the actor's id

-- Loaded with the first handle of a VM.
local future, callers, local_actor, supervisor, server
local function load_rest()
  future, callers = require("pool.future"), require("actors.callers")
  local_actor, server = require("actors.local_actor"), require("actors.server")
  supervisor = require("actors.supervisor")
end

-- Handles -----------------------------------------------------------------------------------------------

local function new_handle(core, is_owner)
  return setmetatable({ _core = core, _is_owner = is_owner or false, _is_closed = false }, meta)
end

local function core_of(self, method)
  checks.self(self, meta, "Actor:" .. method)
  if rawget(self, "_is_closed") then
    checks.fail(("Actor:%s: %s: used after close"):format(method, native.printable(rawget(self, "_core").name)))
  end
  return rawget(self, "_core")
end

local function check_name(where, name)
  expect(type(name) == "string", where, "argument 1: the name of a method expected, got " .. checks.show(name))
end

local function call(core, name, ...)
  if not core.row.is_immediate then return callers.call(core, name, ...) end
  local results = local_actor.run(core, name, ...)
  if not results[1] then server.raise(results[2]) end
  return unpack(results, 2, results.n)
end

-- submit("name", …) → a future of the method's results
function Actor.submit(self, name, ...)
  local core = core_of(self, "submit")
  check_name("Actor:submit", name)
  local made = future.new(callers.of(core))
  if core.row.is_immediate then
    local results = local_actor.run(core, name, ...)
    made:_settle(results[1], { n = results.n - 1, unpack(results, 2, results.n) })
  else
    callers.submit(core, made, name, ...)
  end
  return made
end

-- send("name", …): puts the call, and does not wait for its end; a failure is reported on stderr.
function Actor.send(self, name, ...)
  local core = core_of(self, "send")
  check_name("Actor:send", name)
  if core.row.is_immediate then return local_actor.send(core, name, ...) end
  callers.send(core, name, ...)
end

local function stop(self, core, timeout)
  if core.row.is_immediate then
    core.over = core.over or "stopped"
    return true
  end
  local due = timeout and native.time() + timeout
  local done, why = callers.stop(core, timeout)
  if not done then return nil, why end
  if why == false or not rawget(self, "_is_owner") then return true end
  return core.supervisor:join(due and math.max(0, due - native.time()))
end

-- Ends the actor after the calls that came before: true; or nil and "timeout".
function Actor.stop(self, timeout)
  local core = core_of(self, "stop")
  return stop(self, core, checks.timeout(timeout, "Actor:stop"))
end

-- The handle goes. In the VM that made the actor this stops it.
function Actor.close(self)
  checks.self(self, meta, "Actor:close")
  if rawget(self, "_is_closed") then return end
  rawset(self, "_is_closed", true)
  local core = rawget(self, "_core")
  local is_owner = rawget(self, "_is_owner") and (core.row.is_immediate or core.supervisor.pid == native.pid())
  if is_owner then stop(self, core) end
end
meta.__close = Actor.close

-- What actor.name is: a function that calls the method, for each name one.
local calls = setmetatable({}, { __mode = "v" })

function meta.__index(_, name)
  if Actor[name] then return Actor[name] end
  if type(name) ~= "string" then return nil end
  local made = calls[name]
  if not made then
    made = function(self, ...) return call(core_of(self, name), name, ...) end
    calls[name] = made
  end
  return made
end

function meta.__newindex(_, name)
  checks.fail(("Actor: %s: the object's fields are its worker's; call a method that sets it"):format(checks.show(name)))
end

function meta.__tostring(self) return "Actor: " .. native.printable(rawget(self, "_core").name) end
function meta.__eq(a, b) return rawget(a, "_core") == rawget(b, "_core") end

-- Travelling --------------------------------------------------------------------------------------------

local SENT = { "id", "name", "mailbox", "life", "restarts", "concurrent" }

function meta.__mm_send(self)
  local core = core_of(self, "send")
  local world = core.row.name
  if not core.row.has_own_vm then
    error(("an Actor of the world %s, whose object is in this VM; one of the worlds %s travels"):format(world,
      worlds.list("has_own_vm")), 0)
  end
  local sent = { world = world }
  for _, name in ipairs(SENT) do sent[name] = core[name] end
  return sent
end

function meta.__mm_receive(sent)
  load_rest()
  local core = cores[sent.id]
  if not core then
    core = { row = worlds.get(sent.world), running = 0 }
    for _, name in ipairs(SENT) do core[name] = sent[name] end
    cores[core.id] = core
  end
  return new_handle(core)
end

-- Construction ------------------------------------------------------------------------------------------

local OPTIONS = { factory = true, args = true, concurrent = true, restart = true, maxsize = true, name = true,
  method = true, memory = true, libs = true, nice = true, cpus = true }

local function check_options(world, options)
  checks.check_options(options, OPTIONS, "Actor")
  expect(checks.is_callable(options.factory), "Actor", "factory: a function expected, got " .. type(options.factory))
  expect(options.args == nil or type(options.args) == "table", "Actor",
    "args: a list expected, got " .. type(options.args))
  expect(options.name == nil or type(options.name) == "string", "Actor",
    "name: a string expected, got " .. type(options.name))
  expect(options.concurrent == nil or checks.is_whole(options.concurrent, 1, 2 ^ 31 - 1), "Actor",
    "concurrent: how many calls run at once, 1 or more, expected, got " .. checks.show(options.concurrent))
  expect(options.restart == nil or options.restart == "always" or options.restart == "never", "Actor",
    "restart: 'always' or 'never' expected, got " .. checks.show(options.restart))
  queues.check_maxsize("Actor", options.maxsize)
  starting.check_method("Actor", options.method)
  limits.check_method("Actor", limits.read("Actor", world, options), options.method)
  processors.read("Actor", world, options.cpus)
end

-- Actor(factory, …) or Actor{ factory =, args =, … }
local function read_arguments(world, first, ...)
  if type(first) ~= "table" or getmetatable(first) then
    expect(checks.is_callable(first), "Actor", "a factory, a function that returns the object, expected, got "
      .. type(first))
    return { factory = first, args = checks.pack(...) }
  end
  check_options(world, first)
  local options = {}
  for name, value in pairs(first) do options[name] = value end
  options.args = checks.arguments(first.args or {}, "Actor", "args")
  return options
end

local function new_mailbox(row, maxsize)
  if row.objects == "vm" then return native.local_queue_new("Queue", maxsize) end
  local mailbox, why = native.queue_new("Queue", maxsize, false)
  return mailbox or checks.fail("Actor: " .. why)
end

local function new_core(row, options)
  return {
    id = hex(native.random_bytes(8)), row = row, name = options.name or process.next_name("Actor"),
    concurrent = options.concurrent or 1, restarts = options.restart == "always", running = 0,
  }
end

-- The constructor of a world.
function actors.class(world)
  local row = worlds.get(world)
  return function(...)
    local options = read_arguments(world, ...)
    load_rest()
    local core = new_core(row, options)
    cores[core.id] = core
    if row.is_immediate then
      local_actor.start(core, options)
      return new_handle(core, true)
    end
    core.mailbox = new_mailbox(row, options.maxsize)
    local life
    core.life, life = callers.new_line(core)
    supervisor.start(core, options, life, callers.new_replies(core))
    return new_handle(core, true)
  end
end

actors.meta = meta
return actors
