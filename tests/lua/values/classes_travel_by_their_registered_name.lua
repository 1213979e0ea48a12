-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local Point = {}
Point.__index = Point
mm.register("Point", Point)
local Hidden = {}
local q = mm.Queue()
q:put(setmetatable({ x = 1 }, Point))
local back = q:get()
expect.equal(getmetatable(back), Point)
expect.raises("metatable that is not registered %(at value.h%)", q.put, q, { h = setmetatable({}, Hidden) })
