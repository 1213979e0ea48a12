-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local list = {}
for i = 1, 100000 do list[i] = i end
local out = pool:map(function(x) return x + 1 end, list)
local sum = 0
for i = 1, #out do sum = sum + out[i] end
expect.equal(sum, 5000150000)
local futures = {}
for i = 1, 10000 do futures[i] = pool:submit(function(x) return -x end, i) end
for i = 1, 10000 do expect.equal(futures[i]:get(), -i) end
pool:close()
pool:join()
