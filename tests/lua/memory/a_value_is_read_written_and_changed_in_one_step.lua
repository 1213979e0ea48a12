-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local v = mm.Value("i32", 5)
expect.equal({ v.value, v:type(), v.nothing }, { 5, "i32", nil })
v.value = -7
expect.equal(v.value, -7)
expect.equal(v:add(10), 3, "the sum")
expect.equal({ v:cas(3, 4), v.value, v:cas(3, 5), v.value }, { true, 4, false, 4 })
expect.equal({ v:exchange(9), v.value }, { 4, 9 })
expect.equal({ v:max(20), v:max(1), v:min(-3), v:min(8), v.value }, { 20, 20, -3, -3, -3 })
expect.truthy(tostring(v):match("^Value: i32 %-3"), tostring(v))
expect.equal(mm.Value("f64").value, 0)

-- Every type, its ends, and what is beyond them.
for name, range in pairs({
  i8 = { -128, 127 }, u8 = { 0, 255 }, i16 = { -32768, 32767 }, u16 = { 0, 65535 },
  i32 = { -2147483648, 2147483647 }, u32 = { 0, 4294967295 }, b = { -128, 127 }, H = { 0, 65535 },
}) do
  local x = mm.Value(name)
  for i = 1, 2 do
    x.value = range[i]
    expect.equal(x.value, range[i])
  end
  local beyond = function(value) x.value = value end
  expect.raises("Value: .* does not fit into .*%d to %d", beyond, range[1] - 1)
  expect.raises("Value: .* does not fit into", beyond, range[2] + 1)
  expect.raises("Value:add: .* does not fit into", x.add, x, 1)
  expect.raises("is not a whole number", beyond, 1.5)
  expect.raises("is not a whole number", beyond, 0 / 0)
  expect.raises("is not a whole number", beyond, math.huge)
  expect.raises("is not a number", beyond, "1")
  expect.raises("is not a number", beyond, nil)
  expect.equal(x.value, range[2], "what is refused changes nothing")
end
local long = mm.Value("i64", -2 ^ 53)
expect.equal(long:add(-1) < -2 ^ 53 or long.value == -2 ^ 53, true)
expect.raises("does not fit into i64", function() long.value = 2 ^ 63 end)
local unsigned = mm.Value("u64")
unsigned.value = 2 ^ 63
expect.equal(unsigned.value, 2 ^ 63)
expect.raises("does not fit into u64", function() unsigned.value = 2 ^ 64 end)
expect.raises("does not fit into u64", function() unsigned.value = -1 end)
if math.type then
  long.value = math.mininteger
  expect.equal({ long.value, math.type(long.value) }, { math.mininteger, "integer" })
  expect.raises("does not fit into i64", long.add, long, -1)
end

local half, double = mm.Value("f32"), mm.Value("f64")
half.value = 0.1
expect.truthy(half.value ~= 0.1 and math.abs(half.value - 0.1) < 1e-7, "an f32 rounds")
expect.raises("does not fit into f32", function() half.value = 1e300 end)
half.value = math.huge
expect.equal(half.value, math.huge)
double.value = 0 / 0
expect.truthy(double.value ~= double.value)
double.value = 0.5
expect.equal(double:add(0.25), 0.75)

-- Wrong use.
expect.raises("Value: type: one of i8 .* expected, got int", mm.Value, "int")
expect.raises("Value: type: one of", mm.Value)
expect.raises("Value: 256 does not fit into u8", mm.Value, "u8", 256)
expect.raises("Value: only 'value' can be assigned", function() v.valve = 1 end)
v:close()
v:close()
expect.raises("Value: used after close", function() return v.value end)
