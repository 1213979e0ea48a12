-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters
-- hosts: manymoons lua5.4
-- A worker that is stopped while it starts, runs or ends is gone, and the others are not affected.
local mm = require "manymoons"
local expect = require "expect"

local STARTS, STEPS, STEP_SECONDS = 3000, 100, 1e-6
for i = 1, STARTS do
  local p = mm.Process(function() return #("x"):rep(10) end)
  p:start()
  local until_then = mm.time() + i % STEPS * STEP_SECONDS
  while mm.time() < until_then do end
  p:terminate()
  expect.equal(p:join(expect.HANG), true)
  expect.truthy(p.exitcode == 0 or p.exitcode == -15, "exit code " .. tostring(p.exitcode))
end
local pool = mm.Pool(1)
expect.equal(pool:apply(function(x) return x end, "fine"), "fine")
pool:terminate()
