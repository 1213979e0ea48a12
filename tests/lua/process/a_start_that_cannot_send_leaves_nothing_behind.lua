-- SPDX-License-Identifier: MIT
-- worlds: interpreters
local mm = require "manymoons"
local expect = require "expect"

local co = coroutine.create(function() end)
local p = mm.Process(function(t) return t end, { conn = co })
expect.raises("cannot send a coroutine %(at argument 1.conn%)", p.start, p)
expect.equal(#mm.active_children(), 0)
expect.equal(p:is_alive(), false)
local closing = mm.Process(function() return co end)
expect.raises("upvalue 'co'", closing.start, closing)
