-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local list, q = {}, mm.Queue()
for i = 1, 64 do
  list[i] = mm.Process(function(n) q:put(n) end, i)
  list[i]:start()
end
local sum = 0
for _ = 1, 64 do sum = sum + q:get() end
for i = 1, 64 do list[i]:join() end
expect.equal(sum, 2080)
expect.equal(#mm.active_children(), 0)
