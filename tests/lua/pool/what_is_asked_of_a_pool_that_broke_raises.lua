-- SPDX-License-Identifier: MIT
-- worlds: interpreters
-- quick: no
-- brokers: none
-- A pool whose workers cannot start breaks in the middle of whatever is asked of it: each call raises.
local mm = require "manymoons"
local expect = require "expect"

local function id(x) return x end
local asks = {
  function(pool) return pool:apply(id, 1) end,
  function(pool) return pool:submit(id, 1):get() end,
  function(pool) return pool:map(id, { 1, 2 }) end,
  function(pool) return pool:map_async(id, { 1, 2 }):get() end,
  function(pool) return pool:imap(id, { 1, 2 })() end,
}
-- A pool whose workers end before they have a VM, and so without a word: the public option refuses such a limit.
local limits = mm._require("worker.limits")
local read = limits.read
local function new_pool()
  limits.read = function() return { memory = 1 } end
  local pool = mm.Pool(1)
  limits.read = read
  return pool
end

for first in ipairs(asks) do
  local pool = new_pool()
  local late = pool:submit(id, 2)
  for i = first, first + #asks do
    local err = expect.raises("", asks[(i - 1) % #asks + 1], pool)
    expect.equal(err.kind, "died")
  end
  expect.raises("", late.get, late)
  pool:terminate()
end

-- Nor of one that another waiter's callback ends.
local pool = mm.Pool(1)
local ends = pool:apply_async(id, { 1 }, { callback = function() pool:terminate() end })
local after = pool:submit(function() while true do end end)
expect.equal(ends:get(), 1)
expect.equal(expect.raises("", after.get, after).kind, "cancelled")
expect.raises("closed", pool.apply, pool, id, 1)
