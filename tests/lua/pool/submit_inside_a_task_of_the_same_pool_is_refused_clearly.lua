-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
expect.raises("cannot send", pool.apply, pool, function() return pool:apply(function() return 1 end) end)
expect.raises("cannot send", pool.apply, pool, type, pool)
local future = pool:submit(function() return 1 end)
expect.raises("cannot send", pool.apply, pool, type, { future }) -- by itself it stands for its value
expect.equal(future:get(), 1)
expect.equal(pool:apply(function() return 2 end), 2)
pool:terminate()
