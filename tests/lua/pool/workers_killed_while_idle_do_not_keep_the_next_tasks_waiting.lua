-- SPDX-License-Identifier: MIT
-- worlds: processes
-- A caller that submits and then waits for something other than a future relies on the pool to replace workers.
local mm = require "manymoons"
local expect = require "expect"

local pool, q = mm.Pool(2), mm.Queue()
local function tell(name)
  local pid = mm.current_process().pid
  q:put(name or pid)
  return pid
end
for round = 1, 5 do
  for _ = 1, 2 do
    os.execute(string.format("kill -9 %d", pool:apply(tell)))
    q:get()
  end
  pool:submit(tell, "round " .. round)
  expect.equal(q:get(expect.HANG), "round " .. round)
end
pool:terminate()
