-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
q:put("a")
q:put("b")
q:close()
q:close()
expect.equal({ q:put("c") }, { nil, "closed" })
local seen = {}
for v in q:iter() do seen[#seen + 1] = v end
expect.equal(seen, { "a", "b" })
expect.equal({ q:get() }, { nil, "closed" })
