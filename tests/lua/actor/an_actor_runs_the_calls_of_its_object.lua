-- SPDX-License-Identifier: MIT
-- In every world: calls, results, order, errors, send, submit, stop.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local is_serial = world == "serial"
local has_own_vm = world == "interpreters" or world == "processes"

local function counter(start)
  local object = { count = start, order = {} }
  function object:add(n)
    self.count = self.count + n
    return self.count
  end
  function object:note(...)
    self.order[#self.order + 1] = ...
    return #self.order
  end
  function object:notes() return table.concat(self.order, " ") end
  function object.echo(_, ...) return select("#", ...), ... end
  function object.fail(_, value) error(value, 0) end
  function object.who(_) return require("manymoons").current_process() end
  return object
end

local a = mm.Actor(counter, 5)
expect.equal(a:add(2), 7)
expect.equal(a:add(3), 10)
expect.equal({ a:echo(1, nil, "x", nil) }, { 4, 1, nil, "x" })
expect.equal(select("#", a:echo(nil, nil)), 3)
expect.equal(select("#", a:echo()), 1)
expect.truthy(tostring(a):find("^Actor: Actor%-%d+$"), tostring(a))

-- Calls run in the order in which they came, however they were made.
local futures = {}
for i = 1, 30 do
  if i % 3 == 0 then a:send("note", i) else futures[#futures + 1] = a:submit("note", i) end
end
local wanted = {}
for i = 1, 30 do wanted[i] = i end
expect.equal(a:notes(), table.concat(wanted, " "))
for _, future in ipairs(futures) do expect.truthy(future:get(expect.HANG)) end
expect.equal(futures[1]:get(), 1)
expect.equal(#mm.wait(futures, expect.HANG), #futures)

-- Errors travel; the actor goes on.
local err = expect.raises("went wrong", a.fail, a, "went wrong")
expect.equal({ err.kind, err.message, err.value }, { "error", "went wrong", "went wrong" })
expect.truthy(err.traceback:find("an_actor_runs_the_calls_of_its_object.lua"), err.traceback)
err = expect.raises("", a.fail, a, { code = 3 })
expect.equal(err.value, { code = 3 })
local failed = a:submit("fail", "later")
expect.equal(expect.raises("later", failed.get, failed).kind, "error")
expect.equal(failed:successful(), false)
expect.equal(a:add(1), 11)

-- It has a worker of its own, with its name.
local named = mm.Actor({ factory = counter, args = { 1 }, name = "the counter" })
local who = named:who()
expect.equal({ who.name, who.world }, { "the counter", world })
expect.equal(who.pid ~= mm.current_process().pid, world == "processes")
expect.equal(tostring(named), "Actor: the counter")
expect.equal(expect.raises("x", named.fail, named, "x").worker, "the counter")

-- Values are copied where a worker has its own VM.
local mine = { 1 }
local _, back = a:echo(mine)
expect.equal(back == mine, not has_own_vm)

-- A class is a factory, too, and so are methods that it inherits.
local Base = {}
Base.__index = Base
function Base:name() return self.given end
local Derived = setmetatable({}, { __index = Base, __call = function(class, name)
  return setmetatable({ given = name }, class)
end })
Derived.__index = Derived
expect.equal(mm.Actor(Derived, "d"):name(), "d")

-- Methods whose names the actor has itself.
local function own_names()
  return { stop = function() return "own stop" end, send = function() return "own send" end }
end
local own = mm.Actor(own_names)
expect.equal(own:submit("stop"):get(), "own stop")
expect.equal(own:submit("send"):get(), "own send")

-- A method that would wait for its own actor raises; it may stop the actor.
local function own_caller()
  local object = {}
  function object:set(actor) self.actor = actor end
  function object.ping() return "pong" end
  function object:call_itself() return select(2, pcall(self.actor.ping, self.actor)).kind end
  function object:stop_itself() return self.actor:stop() end
  return object
end
local selfish = mm.Actor(own_caller)
if not is_serial then
  selfish:set(selfish)
  expect.equal(selfish:call_itself(), "deadlock")
  expect.equal(selfish:stop_itself(), true)
  local gone = expect.raises("", function()
    while true do selfish:ping() end
  end)
  expect.equal(gone.kind, "died")
end

-- What was put before a stop runs; what comes behind it fails.
local last = a:submit("add", 1)
expect.equal(a:stop(), true)
expect.equal(last:get(), 12)
expect.equal(a:stop(), true)
for _, f in ipairs({ function() return a:add(1) end, function() a:send("add", 1) end,
  function() return a:submit("add", 1):get() end }) do
  err = expect.raises("has stopped", f)
  expect.equal(err.kind, "died")
end

-- The handle of the maker, at the end of its scope.
named:close()
named:close()
expect.raises("Actor:add: the counter: used after close", named.add, named, 1)
expect.raises("Actor:stop: the counter: used after close", named.stop, named)
