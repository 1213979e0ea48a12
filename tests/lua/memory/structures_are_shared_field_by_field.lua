-- SPDX-License-Identifier: MIT
-- Array({ x = "f64", id = "i32" }, n) and a Value of a structure: fields in shared memory, laid out as a struct of C.
local mm = require "manymoons"
local expect = require "expect"

local a = mm.Array({ x = "f64", id = "i32", kind = "u8" }, 4)
expect.equal({ a:len(), a:type() }, { 4, "struct { double x; int32_t id; uint8_t kind; }" })
a[1].x, a[1].id, a[1].kind = 1.5, -7, 200
a[4] = { x = 4, id = 40 }
expect.equal({ a[1].x, a[1].id, a[1].kind, a[2].x, a[4].x, a[4].id, a[4].kind }, { 1.5, -7, 200, 0, 4, 40, 0 })
expect.equal(tostring(mm.Value({ id = "i32" }, { id = 3 })), "Struct: id = 3")
expect.equal(#a:bytes(), 4 * 16)
expect.equal({ a:add(1, "id", 8), a:cas(1, "kind", 200, 3), a:max(1, "x", 2), a[1].id, a[1].kind },
  { 1, true, 2, 1, 3 })
local sum = 0
for i, element in a:iter() do sum = sum + i * element.x end
expect.equal(sum, 1 * 2 + 4 * 4)

-- A list of fields has C's order; a list of tables the elements.
local b = mm.Array({ { "flag", "u8" }, { "time", "i64" }, { "letter", "c" } },
  { { flag = 1, time = 2, letter = "m" }, {} })
expect.equal({ b:type(), b:len(), #b:bytes(1, 1) }, { "struct { uint8_t flag; int64_t time; char letter; }", 2, 24 })
expect.equal({ b[1].flag, b[1].time, b[1].letter, b[2].letter }, { 1, 2, "m", "\0" })

-- Parts go to workers, and single structures as well.
local points = mm.Array({ x = "f64", y = "f64" }, 100)
local pool = mm.Pool(2)
local function fill(part, from)
  for i, point in part:iter() do point.x, point.y = from + i, -from - i end
  return part:len()
end
expect.equal(pool:starmap(fill, { { points:view(1, 30), 0 }, { points:view(31), 30 } }), { 30, 70 })
local wrong = 0
for i, point in points:iter() do
  if point.x ~= i or point.y ~= -i then wrong = wrong + 1 end
end
expect.equal(wrong, 0)
local origin = mm.Value({ x = "f64", hits = "i32" }, { x = 2 })
pool:apply(function(value) value:lock():with(function() value.x, value.hits = value.x * 2, 1 end) end, origin)
expect.equal({ origin.x, origin.hits }, { 4, 1 })
expect.truthy(pool:apply(function(array) return array end, points) == points, "the array that came back")
pool:terminate()

expect.raises("StructArray: index 5 is not within 1 to 4", function() return a[5] end)
expect.raises("Struct: no field 'idd': did you mean 'id'", function() a[1].idd = 5 end)
expect.raises("Array: 300 does not fit into u8", function() a[1].kind = 300 end)
expect.raises("StructArray: no field", function() a[1] = { z = 1 } end)
expect.raises("StructArray:add: no field", a.add, a, 1, "z", 1)
expect.raises("StructArray:view: 2 to 9 is not within 1 to 4", a.view, a, 2, 9)
expect.raises("Array: type: field 'x': one of i8 u8", mm.Array, { x = "float" }, 2)
expect.raises("Array: type: a structure with at least one field", mm.Array, {}, 2)
expect.raises("Array: type: the name of a field expected, got a b", mm.Array, { ["a b"] = "u8" }, 2)
expect.raises("Array: type: two fields are called 'x'", mm.Array, { { "x", "u8" }, { "x", "u8" } }, 2)
expect.raises("Value: a table of fields expected, got 5", mm.Value, { x = "u8" }, 5)
expect.raises("Array: a number of elements or a list expected, got %-1", mm.Array, { x = "u8" }, -1)

if rawget(_G, "jit") then
  local pointer = a:pointer()
  pointer[1].x = 2.5
  expect.equal({ pointer[0].id, a[2].x }, { 1, 2.5 })
end
a:close()
expect.raises("used after close", function() return a[1].x end)
origin:close()
expect.raises("used after close", function() return origin.x end)
