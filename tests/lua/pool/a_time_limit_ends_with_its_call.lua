-- SPDX-License-Identifier: MIT
-- A call that took too long fails, and nothing else: neither the pool's own code nor the caller's is interrupted,
-- however far the call had come, and no hook stays. (Where no other worker looks at the time.)
-- worlds: serial async
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local hook = debug.gethook()
local pool = mm.Pool{ workers = 1, timeout = 0.005 }

local function late(steps)
  local begun = mm.time()
  while mm.time() - begun < 0.006 do mm.sleep(0.006) end
  local sum = 0
  for i = 1, steps do sum = sum + i end
  return sum
end

for steps = 0, 400, 13 do
  expect.equal(expect.raises("took longer than 0.005 s", pool.apply, pool, late, steps).kind, "timeout")
  local err = expect.raises("took longer than 0.005 s", pool.map, pool, late, { steps })
  expect.equal(err.kind, "timeout")
end
pool:terminate()

local sum = 0
for i = 1, 100000 do sum = sum + i end
expect.equal(sum, 5000050000)
expect.equal(debug.gethook(), hook)
