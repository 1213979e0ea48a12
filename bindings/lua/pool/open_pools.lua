-- SPDX-License-Identifier: MIT
-- The open pools of this VM: they are maintained while the script waits, and ended when it ends.
local require, native = ...

local backend = require("pool.backend")
local identity = require("core.identity")

local open_pools = {}

local pools = setmetatable({}, { __mode = "k" })

local function maintain_all()
  local open = {}
  for pool in pairs(pools) do open[#open + 1] = pool end
  for _, pool in ipairs(open) do pool._dispatcher.maintain(pool) end
  if #open == 0 then native.set_maintenance(nil) end
end

-- Called by every dispatcher when a pool begins.
function open_pools.remember(pool)
  backend.check_dispatcher(pool._dispatcher)
  pools[pool] = true
  native.set_maintenance(maintain_all)
end

function open_pools.forget(pool) pools[pool] = nil end

-- The open pools of the calling thread or task; for the main thread, all pools of the VM.
function open_pools.all_here()
  local open, here = {}, identity.execution_context()
  for pool in pairs(pools) do
    if not here or pool._config.context == here then open[#open + 1] = pool end
  end
  return open
end

function open_pools.after_fork()
  pools = setmetatable({}, { __mode = "k" })
  native.set_maintenance(nil)
end

return open_pools
