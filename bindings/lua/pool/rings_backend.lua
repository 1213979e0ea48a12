-- SPDX-License-Identifier: MIT
-- The backend of a pool whose workers have VMs of their own: two rings (pool/pool_rings.h).
-- Here is only how such workers start.
local require, native = ...

local checks = require("core.checks")
local starting = require("worker.start")

local function start(backend, config, settings)
  local values = checks.pack(config.initializer, checks.unpack(config.initargs, 1, config.initargs.n))
  values.n = values.n + 1
  values[values.n] = config.finalizer
  local method = starting.method_of(config.world, config.method, config.limits or config.sandbox)
  return starting.start("Pool", method, settings, backend, checks.unpack(values, 1, values.n))
end

return { new = native.pool_rings_new, start = start }
