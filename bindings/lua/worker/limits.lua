-- SPDX-License-Identifier: MIT
-- Limits of a worker with a VM of its own: memory, time, libraries and priority.
local require = ...

local checks = require("core.checks")
local worlds = require("core.worlds")

local expect = checks.expect

local names = { "memory", "timeout", "libs", "nice" }
local libraries = { safe = 1, io = 2, os = 4, package = 8, debug = 16, ffi = 32, all = 63 } -- vm/state/vm_libraries.h

-- { "io", "os" } → the sum of their bits
local function read_libs(where, list)
  expect(type(list) == "table", where, "libs: a list of names expected, got " .. type(list))
  for key in pairs(list) do
    expect(checks.is_whole(key, 1, #list), where,
      "libs: a list of names expected, got a table with the key " .. checks.show(key))
  end
  local set, sum = { safe = true }, libraries.safe
  for _, name in ipairs(list) do
    expect(libraries[name], where,
      "libs: 'safe', 'io', 'os', 'package', 'debug', 'ffi' or 'all' expected, got " .. checks.show(name))
    if name == "all" then return libraries.all end
    if not set[name] then sum = sum + libraries[name] end
    set[name] = true
  end
  return sum
end

local LEAST_MEMORY = 32768 -- an empty VM of the smallest Lua takes more; those of the others die when they start

local limits = { names = names }

-- The limits among the options of a pool or a process; nil if there are none. A pool's timeout is for each item, and
-- the pool enforces it (pool/workers.lua).
function limits.read(where, world, options)
  local found = {}
  for _, name in ipairs(names) do
    if options[name] ~= nil then found[name] = options[name] end
  end
  local memory, nice = found.memory, found.nice
  local timeout, why = checks.read_time_limit(found.timeout)
  expect(not why, where, why)
  found.timeout = timeout
  expect(memory == nil or checks.is_whole(memory, 1), where,
    "memory: a number of bytes expected, got " .. checks.show(memory))
  expect(nice == nil or checks.is_whole(nice, 0, 19), where, "nice: 0 to 19 expected, got " .. checks.show(nice))
  if found.libs ~= nil then found.libs = read_libs(where, found.libs) end
  if where == "Pool" then found.timeout = nil end
  local first = next(found)
  if not first then return nil end
  expect(worlds.has(world, "has_own_vm"), where,
    first .. ": only for the worlds " .. worlds.list("has_own_vm") .. ", whose workers have a VM of their own")
  expect(memory == nil or memory >= LEAST_MEMORY, where,
    ("memory: %d bytes are too few for a worker's VM, which needs at least %d"):format(memory or 0, LEAST_MEMORY))
  return found
end

-- A forked worker cannot have limits: it begins with the memory and the libraries of its parent. A sandboxed one
-- begins with a VM of its own, and can.
function limits.check_method(where, found, method)
  expect(not (found and method == "fork"), where,
    "method: a forked worker cannot have limits of memory, time or libraries; 'spawn' and 'forkserver' can")
end

return limits
