-- SPDX-License-Identifier: MIT
-- The backend of a pool whose workers have VMs of their own: two rings (pool/pool_rings.h).
-- Here is only how such workers start, and what they know of their pool, so that their tasks can give it work:
--
--   config.forks   id, queue (pool/forks/apart.lua), and workers, name, world and seed as in the pool's settings
local require, native = ...

local checks = require("core.checks")
local starting = require("worker.start")

local unpack = checks.unpack

local last_id = 0

local function new_forks(config)
  last_id = last_id + 1
  local id = string.format("%d-%d-%.9f", native.pid(), last_id, native.time())
  return {
    id = id, queue = native.queue_new("SimpleQueue"), name = config.name, world = config.world, seed = config.seed,
  }
end

-- A sandboxed worker does not reach what the others share.
local function knowledge(config)
  if config.sandbox then return nil end
  config.forks = config.forks or new_forks(config)
  config.forks.workers = config.workers
  return config.forks
end

local function start(backend, config, settings)
  local values = checks.pack(config.initializer, unpack(config.initargs, 1, config.initargs.n))
  values[values.n + 1], values[values.n + 2] = config.finalizer, knowledge(config)
  local method = starting.method_of(config.world, config.method, config.limits or config.sandbox)
  return starting.start("Pool", method, settings, backend, unpack(values, 1, values.n + 2))
end

return { new = native.pool_rings_new, start = start }
