-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
expect.equal(select("#", pool:apply(function() end)), 0)
expect.equal(select("#", pool:apply(function() return nil end)), 1)
expect.equal(select("#", pool:apply(function(...) return ... end, nil, 1, nil)), 3)
local unpack = table.unpack or unpack
local many = { pool:apply(function()
  local t = {}
  for i = 1, 200 do t[i] = i end
  return unpack(t)
end) }
expect.equal(#many, 200)
expect.equal(many[200], 200)
pool:terminate()
