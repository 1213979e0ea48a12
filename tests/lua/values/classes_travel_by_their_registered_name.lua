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
local q = mm.Queue()
q:put(setmetatable({ x = 1 }, Point))
local back = q:get()
expect.equal(getmetatable(back), Point)
q:put({ Point, P = Point, [Point] = true })
back = q:get()
expect.truthy(back[1] == Point and back.P == Point and back[Point], "the class as a value")
expect.truthy(mm.loads(mm.dumps(Point), { functions = true }) == Point)
expect.raises("the bytes name the class 'Point'; untrusted bytes bring data alone", mm.loads, mm.dumps(Point))

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

-- A class that a module has goes by the module's name and its place there, also as a value; what a module has that is
-- data goes as it is.
package.preload.solids = function()
  local Cube = { faces = 6 }
  Cube.__index = Cube
  function Cube.new() return setmetatable({}, Cube) end
  return { Cube = Cube, deep = { Cube = { __tostring = function() return "deep" end } }, list = { 1, 2 } }
end
local solids = require("solids")
pool = mm.Pool(1)
expect.truthy(pool:apply(function(C, o, D)
  local here = require("solids")
  return C == here.Cube and getmetatable(o) == here.Cube and here.deep.Cube == D
end, solids.Cube, solids.Cube.new(), solids.deep.Cube), "the module's own class in the worker")
expect.truthy(pool:apply(function() return require("solids").Cube end) == solids.Cube)
expect.truthy(pool:apply(function() return require("solids").deep.Cube end) == solids.deep.Cube)
expect.truthy(getmetatable(pool:apply(solids.Cube.new)) == solids.Cube, "its constructor")
local Cube = solids.Cube
expect.truthy(pool:apply(function() return Cube == require("solids").Cube end), "as an upvalue")
solids.list[3] = 3
expect.equal(pool:apply(function(t) return t end, solids.list), { 1, 2, 3 })
pool:terminate()
