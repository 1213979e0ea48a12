-- SPDX-License-Identifier: MIT
-- brokers: none
-- The call fails with an error of its own; its worker lives, and so does the pool.
local mm = require "manymoons"
local expect = require "expect"

local unpack = table.unpack or unpack
local pool = mm.Pool(1)
local ok, err = pcall(pool.apply, pool, function() return unpack({}, 1, 999000) end)
expect.equal({ ok, type(err) }, { false, "table" })
expect.truthy(err.kind == "error" or err.kind == "unsendable", err.kind)
expect.equal(pool:apply(function() return "alive" end), "alive")
pool:terminate()
