-- SPDX-License-Identifier: MIT
-- The worlds: one row for each, with the properties that other code asks for. No other file compares a world's name.
--
--   has_own_vm    each worker has a VM of its own: values are copied, and limits of memory and libraries are possible
--   is_process    a worker is an operating-system process, which can be killed and forked
--   can_wait      another worker can end a wait; false: a wait that nothing can end raises
--   is_tasks      workers are tasks of the calling thread
--   is_immediate  there are no workers: a call runs at once, in the caller
--   start         the start method if the script names none; nil: worker/start.lua chooses
--   objects       "shared": queues, pipes and locks work across VMs and processes; "vm": within this VM
--   offload       the function of mm.async that calls in a pool of this world
--   backend       the pool's backend: "rings", "vm" or "serial"
local require, native = ...

local checks = require("core.checks")

local rows = {
  {
    name = "serial", has_own_vm = false, is_process = false, can_wait = false, is_tasks = false, is_immediate = true,
    objects = "shared", backend = "serial",
  },
  {
    name = "async", has_own_vm = false, is_process = false, can_wait = true, is_tasks = true,
    start = "task", objects = "vm", backend = "vm",
  },
  {
    name = "threads", has_own_vm = false, is_process = false, can_wait = true, is_tasks = false,
    start = "thread", objects = "vm", backend = "vm", offload = "to_thread",
  },
  {
    name = "interpreters", has_own_vm = true, is_process = false, can_wait = true, is_tasks = false,
    start = "interpreter", objects = "shared", backend = "rings",
  },
  {
    name = "processes", has_own_vm = true, is_process = true, can_wait = true, is_tasks = false,
    start = nil, objects = "shared", backend = "rings", offload = "to_process",
  },
}

local by_name = {}
local worlds = { names = {}, rows = by_name } -- rows: by name
for place, row in ipairs(rows) do
  worlds.names[place], by_name[row.name] = row.name, row
end

local USUAL = "processes"

-- The row of a world; nil for other names.
function worlds.get(name) return by_name[name] end

-- Whether the world has this property; false for other names.
function worlds.has(name, property) return by_name[name] ~= nil and by_name[name][property] == true end

-- "no world 'threds': did you mean 'threads'? (there are: …)"
function worlds.refusal(name)
  local best = checks.nearest(name, by_name)
  return ("no world '%s'%s (there are: %s)"):format(tostring(name), best and ": did you mean '" .. best .. "'?" or "",
    table.concat(worlds.names, ", "))
end

-- The row of a world; raises for other names.
function worlds.check(name, where)
  return by_name[name] or checks.fail(where .. ": " .. worlds.refusal(name))
end

-- The name of the world whose workers have VMs of their own, in processes (true) or in threads of this one.
function worlds.of_own_vms(is_process)
  for _, row in ipairs(rows) do
    if row.has_own_vm and row.is_process == is_process then return row.name end
  end
end

-- The names of the worlds with this property, as text for messages.
function worlds.list(property)
  local list = {}
  for _, row in ipairs(rows) do
    if row[property] then list[#list + 1] = row.name end
  end
  return table.concat(list, " and ")
end

local settings = native.settings()
local chosen = settings and settings.default_world or native.environment("MANYMOONS_WORLD")

-- The default world; a worker inherits it from the program that started it.
function worlds.default() return chosen or USUAL end
function worlds.set_default(name) chosen = name end
-- Whether the script, its user or the program that started it has chosen it.
function worlds.is_chosen() return chosen ~= nil end

return worlds
