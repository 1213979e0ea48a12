-- SPDX-License-Identifier: MIT
-- The open pools of this VM: they are maintained while the script waits, and ended when it ends.
local require, native = ...

local checks = require("core.checks")
local backend = require("pool.backend")
local identity = require("core.identity")
local maintenance = require("core.maintenance")

-- are_interruptible: a caller of `map` may be ended by an error, and its tasks are to be cancelled then
local open_pools = { are_interruptible = false }

-- By number, as values: a pool that is to be finalized is gone from weak values at once, and from weak keys only later.
local pools, last = setmetatable({}, { __mode = "v" }), 0

-- → whether a pool has done something, or will when a time has come.
local function maintain_all()
  native.settle_fork()
  local open, is_active = {}, false
  for _, pool in pairs(pools) do open[#open + 1] = pool end
  for _, pool in ipairs(open) do is_active = pool._dispatcher.maintain(pool) or is_active end
  if #open == 0 then maintenance.set("pools", nil) end
  return is_active
end

-- A pool, its futures and its iterators are used in the process that made them: in a forked child they would take what
-- the parent waits for.
function open_pools.check_home(pool, where)
  if pool._config.pid == native.pid() then return end
  checks.fail(where .. ": the pool belongs to the process that forked this one")
end

-- Called by every dispatcher when a pool begins.
function open_pools.remember(pool)
  backend.check_dispatcher(pool._dispatcher)
  last = last + 1
  pool._place = last
  pools[last] = pool
  maintenance.set("pools", maintain_all)
end

function open_pools.forget(pool)
  if pool._place then pools[pool._place] = nil end
end

-- The open pools of the calling thread or task; for the main thread, all pools of the VM.
function open_pools.all_here()
  local open, here = {}, identity.execution_context()
  for _, pool in pairs(pools) do
    if not here or pool._config.context == here then open[#open + 1] = pool end
  end
  return open
end

function open_pools.after_fork()
  if next(pools) then pools = setmetatable({}, { __mode = "v" }) end
end

return open_pools
