-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local n = 0
local function inc() n = n + 1 return n end
local function get() return n end
-- Lua 5.1 has no function that shows whether two functions share an upvalue, so there each copy has its own.
if debug.upvalueid then
  expect.equal({ pool:apply(function() inc() inc() return get(), n end) }, { 2, 2 })
end
local function fact(k) return k < 2 and 1 or k * fact(k - 1) end
expect.equal(pool:apply(fact, 10), 3628800)
local even, odd
function even(k) return k == 0 or odd(k - 1) end
function odd(k) return k ~= 0 and even(k - 1) end
expect.equal(pool:apply(function() return even(10) end), true)
local t = {}
t.self, t.list = t, { t, t }
expect.equal(pool:apply(function(v) return v.self == v and v.list[2] == v end, t), true)
pool:terminate()
