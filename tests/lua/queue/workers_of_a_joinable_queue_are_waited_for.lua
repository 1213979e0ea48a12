-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local jobs, sums = mm.JoinableQueue(), mm.Queue()
local workers = {}
for i = 1, 4 do
  workers[i] = mm.Process(function()
    local sum = 0
    for n in jobs:iter() do
      sum = sum + n
      jobs:task_done()
    end
    sums:put(sum)
  end)
  workers[i]:start()
end
-- In each round: when join returns, no value is in the queue, and none is unfinished.
local total = 0
for round = 1, 50 do
  for n = 1, 20 do
    total = total + n
    jobs:put(n)
  end
  expect.equal({ jobs:join(expect.HANG) }, { true }, "round " .. round)
  expect.equal(jobs:qsize(), 0)
end
jobs:close()
for i = 1, 4 do workers[i]:join() end
for _ = 1, 4 do total = total - sums:get(expect.HANG) end
expect.equal(total, 0)
expect.equal({ jobs:join() }, { true }, "a closed queue can be joined")
