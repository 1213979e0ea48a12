-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local Point = {}
Point.__index = Point
mm.register("Point", Point)
mm.register("Point", Point) -- once more is no harm
expect.raises("another class is registered as 'Point'", mm.register, "Point", {})
expect.raises("at least one byte", mm.register, "", {})
expect.raises("zero bytes", mm.register, "a\0b", {})
expect.raises("string expected, got number", mm.register, 1, {})
expect.raises("another class is registered as 'mm.Error'", mm.register, "mm.Error", {})
local Hidden = {}
local q = mm.Queue()
q:put(setmetatable({ x = 1 }, Point))
local back = q:get()
expect.equal(getmetatable(back), Point)
expect.raises("metatable that is not registered %(at value.h%)", q.put, q, { h = setmetatable({}, Hidden) })

-- A worker has the program's classes. A module that registers its own there, as in the program, takes the copy's place,
-- before an instance came and after it.
package.preload.shapes = function()
  local Shape = {}
  Shape.__index = Shape
  require("manymoons").register("Shape", Shape)
  return { new = function() return setmetatable({ sides = 4 }, Shape) end }
end
local shape = require("shapes").new()
local pool = mm.Pool(1)
for _ = 1, 2 do
  expect.equal(pool:apply(function(s)
    local there = require("shapes").new()
    return s.sides + there.sides
  end, shape), 8)
  expect.equal(pool:apply(function() return require("shapes").new() end).sides, 4)
end
expect.raises("another class is registered as 'Shape'", pool.apply, pool, function()
  require("manymoons").register("Shape", {})
end)
pool:terminate()
