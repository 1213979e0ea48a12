-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local deep = {}
local at = deep
for _ = 1, 200000 do
  at.n = {}
  at = at.n
end
at.last = "end"
local function depth(v)
  local count = 0
  while v.n do v, count = v.n, count + 1 end
  return count, v.last
end
expect.equal({ pool:apply(depth, deep) }, { 200000, "end" })
local nan, zero, inf, big = pool:apply(function(...) return ... end, 0 / 0, -1 / math.huge, 1 / 0, 2 ^ 53)
expect.truthy(nan ~= nan, "nan")
expect.equal(1 / zero, -1 / 0)
expect.equal(inf, 1 / 0)
expect.equal(big, 2 ^ 53)
if math.mininteger then
  expect.equal(pool:apply(function(a, b) return math.type(a), a, math.type(b) end, math.mininteger, 3.0), "integer")
  local kinds = { pool:apply(function(...) return ... end, 3.0, 3, math.mininteger, math.maxinteger) }
  expect.equal({ math.type(kinds[1]), math.type(kinds[2]), kinds[3], kinds[4] },
    { "float", "integer", math.mininteger, math.maxinteger })
end
expect.equal(pool:apply(function(s) return s end, "\0\255\128x"), "\0\255\128x")
pool:terminate()
