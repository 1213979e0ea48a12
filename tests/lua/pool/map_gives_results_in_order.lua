-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(3)
local list, wanted = {}, {}
for i = 1, 5000 do list[i], wanted[i] = i, i * i end
expect.equal(pool:map(function(x) return x * x end, list), wanted)
expect.equal(pool:map(function(x) return x * x end, list, { chunksize = 7 }), wanted)
expect.equal(pool:map(function(x) return x * x end, {}), {})
expect.equal(pool:starmap(function(a, b) return a - b end, { { 5, 3 }, { 1, 9 } }), { 2, -8 })
local holes = pool:map(function(x) if x % 2 == 0 then return x end end, { 1, 2, 3, 4 })
expect.equal(holes[1], nil)
expect.equal(holes[4], 4)
pool:close()
expect.equal(pool:join(), true)
expect.raises("Pool:map: the pool is closed", pool.map, pool, print, {})
