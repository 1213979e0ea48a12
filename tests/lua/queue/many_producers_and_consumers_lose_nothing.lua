-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local q, sums = mm.Queue(50), mm.Queue()
local makers, takers = {}, {}
for i = 1, 3 do
  makers[i] = mm.Process(function(base)
    for n = 1, 2000 do q:put(base + n) end
  end, i * 10000)
  takers[i] = mm.Process(function()
    local sum, count = 0, 0
    for v in q:iter() do sum, count = sum + v, count + 1 end
    sums:put({ sum, count })
  end)
  makers[i]:start()
  takers[i]:start()
end
for i = 1, 3 do makers[i]:join() end
q:close()
local sum, count = 0, 0
for i = 1, 3 do
  takers[i]:join()
  local got = sums:get()
  sum, count = sum + got[1], count + got[2]
end
expect.equal(count, 6000)
expect.equal(sum, 2000 * 60000 + 3 * 2000 * 2001 / 2)
