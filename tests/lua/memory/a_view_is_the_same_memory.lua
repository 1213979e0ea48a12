-- SPDX-License-Identifier: MIT
-- array:view(first, last) is an Array of these elements without a copy, here and in each worker that it is sent to.
local mm = require "manymoons"
local expect = require "expect"

local a = mm.Array("i32", { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
local v = a:view(3, 6)
expect.equal({ #v, v[1], v[4], v:type(), tostring(v) }, { 4, 3, 6, "i32", "Array: 4 of i32" })
v[2] = 40
a[5] = 50
expect.equal(v:slice(), { 3, 40, 50, 6 })
expect.equal(a:slice(3, 6), { 3, 40, 50, 6 })
expect.raises("Array: index 5 is not within 1 to 4", function() return v[5] end)
expect.raises("Array: index 0 is not within 1 to 4", function() v[0] = 1 end)
expect.raises("Array: 1 to 5 is not within 1 to 4", v.view, v, 1, 5)
expect.equal({ v:add(1, 7), a[3] }, { 10, 10 })
v:fill(0, 2, 3)
v:copy({ 60 }, 4)
expect.equal(a:slice(), { 1, 2, 10, 0, 0, 60, 7, 8, 9, 10 })
expect.raises("Array:copy: 2 elements from index 4 on are not within 1 to 4", v.copy, v, { 1, 2 }, 4)
local sum = 0
for i, x in v:iter() do sum = sum + i * x end
expect.equal(sum, 10 + 4 * 60)

-- A view of a view, an empty one, and the whole.
local inner = v:view(2)
expect.equal({ #inner, inner[3] }, { 3, 60 })
expect.equal(#a:view(4, 3), 0)
expect.truthy(a:view() == a and inner == a:view(4, 6) and inner ~= v and v ~= a, "equality")
expect.truthy(v:lock() == a:lock(), "one lock")

-- Parts go to workers, which write to the one array.
local halves = mm.Array("f64", 1000)
local pool = mm.Pool(2)
local function fill(part, from)
  for i = 1, #part do part[i] = from + i end
  return #part
end
expect.equal(pool:starmap(fill, { { halves:view(1, 300), 0 }, { halves:view(301), 300 } }), { 300, 700 })
local wrong = 0
for i, x in halves:iter() do
  if x ~= i then wrong = wrong + 1 end
end
expect.equal(wrong, 0)
expect.equal(pool:apply(function(empty, of_view, whole) return #empty + of_view[1] + #whole end, halves:view(7, 6),
  halves:view(11):view(2, 3), halves:view()), 12 + 1000)
if rawget(_G, "jit") then
  local function last(part) return part:pointer()[#part - 1], require("ffi").istype("double *", part:pointer()) end
  expect.equal({ pool:apply(last, halves:view(11, 20)) }, { 20, true })
end
local back = pool:apply(function(part) return part:view(2) end, halves:view(5, 8))
expect.truthy(back == halves:view(6, 8), "a view that came back")
pool:terminate()

-- A view keeps the memory.
halves:close()
expect.equal(back:slice(), { 6, 7, 8 })
back:close()
expect.raises("Array: used after close", back.view, back)

if rawget(_G, "jit") then expect.equal(v:pointer()[3], 60) end
