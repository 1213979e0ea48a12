-- SPDX-License-Identifier: MIT
-- Whatever dies (the worker, a caller, the maker): calls end, with their results or with kind "died".
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local is_serial = world == "serial"
local has_own_vm = world == "interpreters" or world == "processes"

local function mortal(go)
  local object, calls = {}, 0
  function object.call(_)
    calls = calls + 1
    return calls
  end
  function object.wait(_, entered)
    entered:put("in")
    return go:get()
  end
  function object.die(_, code) os.exit(code) end
  return object
end

local function died(name, code, f, ...)
  local err = expect.raises("died", f, ...)
  expect.equal({ err.kind, err.exitcode, err.worker }, { "died", code, name })
end

-- The call under way, those behind it, and all later ones.
local go, entered = mm.Queue(), mm.Queue()
local a = mm.Actor({ factory = mortal, args = { go }, name = "mortal" })
expect.equal(a:call(), 1)
local under_way = a:submit("die", 3)
local behind = a:submit("call")
died("mortal", 3, under_way.get, under_way, expect.HANG)
died("mortal", 3, behind.get, behind, expect.HANG)
died("mortal", 3, a.call, a)
died("mortal", 3, a.send, a, "call")
local later = a:submit("call")
died("mortal", 3, later.get, later)
expect.equal(a:stop(), true)

-- What the factory raises, the constructor raises.
local err = expect.raises("no object today", mm.Actor, function() error("no object today") end)
expect.equal(err.kind, "error")
expect.truthy(err.traceback:find("a_dead_actor_fails_its_calls.lua"), err.traceback)
expect.raises("Actor: factory: it has to return an object, a table or a userdata, and returned nil", mm.Actor,
  function() end)
died("gone", 4, mm.Actor, { factory = function() os.exit(4) end, name = "gone" })
if is_serial then return end

-- restart: the call under way fails; those behind it, and later ones, go to the next worker, which has a new object.
local again = mm.Actor({ factory = mortal, args = { go }, restart = "always", name = "phoenix" })
for round = 1, 2 do
  expect.equal({ again:call(), again:call() }, { 1, 2 })
  under_way = again:submit("die", 5)
  behind = again:submit("call")
  expect.equal(expect.raises("died", under_way.get, under_way, expect.HANG).kind, "died")
  expect.equal(behind:get(expect.HANG), 1)
  expect.equal(again:call(), 2)
  again:send("die", 0)
  expect.equal(again:call(), 1, "after round " .. round)
  again:send("die", 0)
end
expect.equal(again:call(), 1)

-- The same from another worker.
local function visit(actor, result)
  local results = { actor:call() }
  local f, g = actor:submit("die", 6), actor:submit("call")
  local ok, why = pcall(f.get, f)
  results[2], results[3] = ok, why.kind
  results[4] = g:get()
  result:put(results)
end
local result = mm.Queue()
local visitor = mm.Process(visit, again, result)
visitor:start()
expect.equal(result:get(expect.HANG), { 2, false, "died", 1 })
expect.equal(visitor:join(expect.HANG), true)
expect.equal(again:stop(), true)
expect.equal(expect.raises("has stopped", again.call, again).kind, "died")

-- A caller that is killed while it waits leaves the actor to the others.
local b = mm.Actor(mortal, go)
local caller = mm.Process(function(actor, queue) actor:wait(queue) end, b, entered)
caller:start()
expect.equal(entered:get(expect.HANG), "in")
caller:kill()
caller:join()
local waits_behind = b:submit("call")
go:put("go")
expect.equal(waits_behind:get(expect.HANG), 1)

-- An actor dies with the worker that made it, and callers elsewhere see it.
local function make(out, queue, stay, create)
  local actor = require("manymoons").Actor({ factory = create, args = { stay }, name = "child", restart = "always" })
  out:put(actor)
  actor:wait(queue)
end
local out = mm.Queue()
local maker = mm.Process(make, out, entered, go, mortal)
maker:start()
local orphan = out:get(expect.HANG)
expect.equal(entered:get(expect.HANG), "in")
local orphaned = orphan:submit("call")
maker:kill()
maker:join()
expect.equal(expect.raises("died", orphaned.get, orphaned, expect.HANG).kind, "died")
expect.equal(expect.raises("died", orphan.call, orphan).kind, "died")

-- A caller that waits for room in the mailbox of one that dies.
local full = mm.Actor({ factory = mortal, args = { go }, maxsize = 1, name = "full" })
local first = full:submit("wait", entered)
expect.equal(entered:get(expect.HANG), "in")
full:send("die", 7)
local function push(actor, queue)
  queue:put("pushes")
  local ok, why = pcall(actor.call, actor)
  queue:put(ok or why.kind)
end
local pusher = mm.Process(push, full, result)
pusher:start()
expect.equal(result:get(expect.HANG), "pushes")
go:put("go")
expect.equal(first:get(expect.HANG), "go")
expect.equal(result:get(expect.HANG), "died")
pusher:join()
b:stop()
expect.equal(has_own_vm or tostring(full):find("full") ~= nil, true)
