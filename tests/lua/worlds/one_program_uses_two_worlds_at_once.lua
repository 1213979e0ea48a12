-- SPDX-License-Identifier: MIT
-- A queue of one world serves the others as well.
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local q, back = mm.Queue(), mm.Queue()
local function echo(count)
  for _ = 1, count do back:put(q:get() * 2) end
end
local workers = { mm.interpreters.Process(echo, 50), mm.processes.Process(echo, 50) }
for _, worker in ipairs(workers) do worker:start() end
for i = 1, 100 do q:put(i) end
local sum = 0
for _ = 1, 100 do sum = sum + back:get() end
expect.equal(sum, 10100)
for _, worker in ipairs(workers) do worker:join() end
