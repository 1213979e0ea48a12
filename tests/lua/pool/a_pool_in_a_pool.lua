-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local sums = pool:map(function(base)
  local inner = mm.Pool(2)
  local out = inner:map(function(x) return x + base end, { 1, 2, 3 })
  inner:close()
  inner:join()
  return out[1] + out[2] + out[3]
end, { 10, 20 })
expect.equal(sums, { 36, 66 })
pool:close()
pool:join()
