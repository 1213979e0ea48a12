-- SPDX-License-Identifier: MIT
-- The actors of a world without workers: the object is in the caller's VM, and a call runs at once.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")
local server = require("actors.server")

local pack = checks.pack

local local_actor = {}

-- Calls f as the actor's worker: true and the results, or false and an mm.Error.
local function as_worker(core, f, ...)
  local own = { name = core.name, pid = native.pid(), daemon = true, world = core.row.name, is_call = true,
    task = waits.current_task() }
  local before, parent = identity.set_current(own, identity.current())
  local results = pack(errors.call_here(core.name, f, ...))
  identity.set_current(before, parent)
  if own.exit_code then
    core.over, core.exitcode = "died", own.exit_code
    return { n = 2, false, errors.died_error(core.name, own.exit_code, "while it ran a call") }
  end
  return results
end

-- Makes the object; raises the error of the factory.
function local_actor.start(core, options)
  require("async.exit")
  local results = as_worker(core, server.make_object, options.factory, checks.unpack(options.args, 1, options.args.n))
  if not results[1] then server.raise(server.refusal_in(results[2])) end
  core.object = results[2]
end

local function died(core, name)
  return errors.of_kind("died", ("Actor:%s: %s has %s"):format(name, core.name, core.over), core.name, core.exitcode)
end

-- → true and the results, or false and an mm.Error, packed
function local_actor.run(core, name, ...)
  if core.over then return pack(false, died(core, name)) end
  if core.running > 0 and core.concurrent == 1 then
    local text = "Actor:%s: %s would wait for itself: it runs one call at a time (concurrent = 1)"
    return pack(false, errors.of_kind("deadlock", native.place() .. text:format(name, core.name)))
  end
  core.running = core.running + 1
  local results = as_worker(core, server.call_method, core.object, name, ...)
  core.running = core.running - 1
  if not results[1] then results[2] = server.refusal_in(results[2]) or results[2] end
  return results
end

function local_actor.send(core, name, ...)
  if core.over then errors.raise(died(core, name)) end
  local results = local_actor.run(core, name, ...)
  if not results[1] then server.report(core.name, name, results[2]) end
end

return local_actor
