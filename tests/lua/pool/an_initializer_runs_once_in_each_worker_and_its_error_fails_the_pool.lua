-- SPDX-License-Identifier: MIT
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool{ workers = 2, initializer = function(n) initialized = n end, initargs = { 5 } }
expect.equal(pool:apply(function() return initialized end), 5)
pool:terminate()
expect.raises("no database", mm.Pool, { workers = 2, initializer = function() error("no database") end })
