-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local gate = mm.Queue()
local future = pool:submit(function() return gate:get() end)
expect.equal(future:ready(), false)
local got, why = future:get(0.01)
expect.equal(got, nil)
expect.equal(why, "timeout")
expect.raises("not done", future.successful, future)
gate:put("open")
expect.equal(future:wait(), true)
expect.equal(future:ready(), true)
expect.equal(future:successful(), true)
expect.equal(future:get(), "open")
local bad = pool:submit(error, "x")
bad:wait()
expect.equal(bad:successful(), false)
pool:terminate()
