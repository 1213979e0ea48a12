-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local stop = mm.Queue()
local function worker(q, kind)
  return mm.Process(function()
    local n = 0
    while stop:empty() do
      n = n + 1
      if kind == "put" then q:put({ n, ("x"):rep(n % 9000) }, 0.1) else q:get(0.1) end
    end
  end)
end
local queues = { mm.Queue(100), mm.PriorityQueue(100) }
for round = 1, 80 do
  local q = queues[round % 4 < 2 and 1 or 2]
  local a, b = worker(q, "put"), worker(q, round % 2 == 0 and "put" or "get")
  a:start()
  b:start()
  mm.sleep(0.001 * (round % 7))
  a:kill()
  b:kill()
  expect.equal(a:join(expect.HANG), true)
  expect.equal(b:join(expect.HANG), true)
  -- Whole: what is in can be taken, and something can be put.
  while true do
    local v, why = q:get_nowait()
    if not v then
      expect.equal(why, "empty")
      break
    end
    expect.equal(#v[2], v[1] % 9000)
  end
  expect.equal(q:qsize(), 0)
end
