-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local a = mm.Array("i16", { 1, -2, 3 })
expect.equal({ #a, a[1], a[2], a[3], a:type() }, { 3, 1, -2, 3, "i16" })
a[2] = 20
expect.equal(a:slice(), { 1, 20, 3 })
expect.equal({ a:slice(2), a:slice(2, 2), a:slice(2, 1) }, { { 20, 3 }, { 20 }, {} })
expect.raises("Array: index 4 is not within 1 to 3", function() return a[4] end)
expect.raises("Array: index 0 is not within 1 to 3", function() a[0] = 1 end)
expect.raises("Array: index %-1 is not within", function() return a[-1] end)
expect.raises("Array: index 1.5 is not within", function() return a[1.5] end)
expect.raises("Array: 40000 does not fit into i16 %(%-32768 to 32767%)", function() a[1] = 40000 end)
expect.raises("Array: 1 to 4 is not within 1 to 3", a.slice, a, 1, 4)
expect.equal(tostring(a), "Array: 3 of i16")

local zeroes = mm.Array("f64", 1000)
expect.equal({ #zeroes, zeroes[1], zeroes[1000] }, { 1000, 0, 0 })
expect.equal(zeroes:fill(1.5, 2, 3):slice(1, 4), { 0, 1.5, 1.5, 0 })
expect.equal(#mm.Array("u8", 0), 0)
expect.equal(mm.Array("u8", 0):bytes(), "")

-- Lists, strings, other arrays.
local b = mm.Array("u8", 5)
expect.equal(b:copy({ 7, 8 }, 2):slice(), { 0, 7, 8, 0, 0 })
expect.equal(b:copy("hello"):bytes(), "hello")
expect.equal(b:bytes(2, 3), "el")
expect.equal(zeroes:copy(b, 10):slice(10, 14), { 104, 101, 108, 108, 111 })
expect.equal(mm.Array("u8", 5):copy(b):bytes(), "hello")
expect.raises("Array:copy: 2 elements from index 5 on are not within 1 to 5", b.copy, b, { 1, 2 }, 5)
expect.raises("Array:copy: 3 bytes are not a whole number of i16", a.copy, a, "abc")
expect.raises("Array: 300 does not fit into u8", b.copy, b, { 300 })
expect.raises("a list, a string or an Array expected", b.copy, b, 5)
expect.equal(a:copy(a:bytes()):slice(), { 1, 20, 3 })
local sum = 0
for i, x in a:iter() do sum = sum + i * x end
expect.equal(sum, 1 + 40 + 9)

-- In one step.
expect.equal({ a:add(1, 4), a:cas(1, 5, 6), a:exchange(1, 9) }, { 5, true, 6 })
expect.equal({ a:max(1, 30), a:min(1, 2), a[1] }, { 30, 2, 2 })
expect.raises("Array: index 4 is not within", a.add, a, 4, 1)

-- The lock is the same one at each call.
local lock = a:lock()
expect.truthy(lock == a:get_lock())
lock:acquire()
expect.equal(a:lock():locked(), true)
lock:release()
expect.equal(type(a:address()), "userdata")
if rawget(_G, "jit") then
  local ffi = require("ffi")
  local words = a:pointer()
  words[2] = -9
  expect.equal({ words[1], a[3] }, { 20, -9 })
  expect.truthy(ffi.istype("int16_t *", words), "the type of the pointer")
  expect.truthy(words == ffi.cast("int16_t *", a:address()), "the address")
  expect.truthy(ffi.istype("double *", mm.Value("d"):pointer()), "the type of a Value's pointer")
  expect.truthy(ffi.istype("uint8_t *", mm.Array("u8", 1):pointer()), "the type of bytes")
else
  expect.equal(a:pointer(), a:address())
end

expect.raises("Array: type: one of", mm.Array, "float", 3)
expect.raises("Array: a number of elements or a list expected, got %-1", mm.Array, "u8", -1)
expect.raises("Array: a number of elements or a list expected, got nil", mm.Array, "u8")
expect.raises("Array: too large", mm.Array, "f64", 2 ^ 45)
a:close()
expect.raises("Array: used after close", function() return a[1] end)
