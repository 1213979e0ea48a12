-- SPDX-License-Identifier: MIT
-- The C modules of the distribution load in each VM, and their functions are sent by name.
local mm = require "manymoons"
local expect = require "expect"

local cjson, lpeg, lfs = require "cjson", require "lpeg", require "lfs"
local pool = mm.Pool(2)
expect.equal(pool:map(cjson.encode, { { 1, 2 }, { x = "y" } }), { "[1,2]", '{"x":"y"}' })
expect.equal(pool:apply(cjson.decode, '{"a":[1,true,null]}').a[2], true)
expect.equal(pool:apply(function(v) return v == cjson.null end, cjson.null), true)
expect.equal(pool:map(function(s)
  return lpeg.match(lpeg.C(lpeg.R("az") ^ 1), s)
end, { "abc1", "x" }), { "abc", "x" })
expect.equal(pool:apply(function() return lfs.attributes("/", "mode") end), "directory")
expect.equal(pool:apply(function() return require("lfs").attributes("/dev/null", "mode") end), "char device")
pool:close()
pool:join()
