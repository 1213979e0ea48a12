-- SPDX-License-Identifier: MIT
-- The backend of a pool whose workers have VMs of their own: two rings (pool/pool_rings.h).
-- Here is only how such workers start.
local require, native = ...

local checks = require("core.checks")
local starting = require("worker.start")

local function start(backend, config, settings)
  local args = config.initargs
  local method = starting.method_of(config.world, config.method, config.limits or config.sandbox)
  return starting.start("Pool", method, settings, backend, config.initializer, checks.unpack(args, 1, args.n))
end

return { new = native.pool_rings_new, start = start }
