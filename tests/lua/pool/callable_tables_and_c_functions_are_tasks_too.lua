-- SPDX-License-Identifier: MIT
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

Adder = {}
Adder.__index = Adder
function Adder.__call(self, x) return self.n + x end

local pool = mm.Pool(2)
expect.equal(pool:map(setmetatable({ n = 10 }, Adder), { 1, 2, 3 }), { 11, 12, 13 })
expect.equal(pool:map(math.sqrt, { 1, 4, 9 }), { 1, 2, 3 })
expect.equal(pool:map(string.upper, { "a", "b" }), { "A", "B" })
expect.equal(pool:apply(select, 2, "a", "b", "c"), "b")
expect.equal(pool:starmap(math.max, { { 1, 5, 2 }, { 9, 3 } }), { 5, 9 })
pool:close()
pool:join()
