-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local function new_coroutine() return coroutine.create(function() end) end
local co = new_coroutine()
expect.raises("cannot send a coroutine %(at argument", pool.apply, pool, function() end, { jobs = { co } })
local err = expect.raises("cannot send a coroutine", pool.apply, pool, function() return new_coroutine() end)
expect.equal(err.kind, "unsendable")
err = expect.raises("cannot send a coroutine", pool.map, pool, function(i)
  return i == 2 and new_coroutine() or i
end, { 1, 2, 3 })
expect.equal(err.kind, "unsendable")
expect.raises("cannot send a coroutine", pool.apply, pool, function() return co end)
expect.equal(pool:apply(function() return 1 end), 1)
pool:terminate()
