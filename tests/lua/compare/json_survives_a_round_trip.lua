-- SPDX-License-Identifier: MIT
-- worlds: serial
-- Decoding returns the encoded value; malformed JSON is refused with the place of the error; escapes are decoded.
local embedded = require("manymoons")._require
local json = embedded("core.json")
local expect = require("expect")

local everything = {}
for code = 0, 255 do everything[#everything + 1] = string.char(code) end
local value = {
  text = 'a "quoted" \\ line\nand </script> \0 ü',
  bytes = table.concat(everything),
  numbers = { 0, -1, 0.5, 1e15, 2 ^ 52, -1.25e-9, 1e300 },
  nested = { { {} }, { empty = json.list() } },
  yes = true,
  no = false,
}
expect.equal(json.decode(json.encode(value)), value)

expect.equal(json.encode(json.list()), "[]")
expect.equal(json.encode({}), "{}")
expect.equal(json.encode({ b = 1, a = { 1, 0 / 0, 1 / 0 } }), '{"a":[1,null,null],"b":1}')
expect.equal(json.encode(json.decode('{"list":[],"object":{}}')), '{"list":[],"object":{}}')
expect.equal(json.encode({ 1234567.125, 3, 2 ^ 40 }), "[1234567.125,3,1099511627776]")

local escapes = [["\u0041\u00fc\u20ac\ud83c\udf19 \\n \/ \t\\"]]
expect.equal(json.decode(escapes), "A\195\188\226\130\172\240\159\140\153 \\n / \t\\")
expect.equal(json.decode(' { "a" : [ 1 , 2.5e+3 , null ] } \n'), { a = { 1, 2500 } })
expect.equal(json.decode("null"), nil)

local wrong = { "", "{", "[1,", "[1 2]", '{"a" 1}', '{"a":}', '"open', "tru", "nul", "1 2", "{a:1}", "[,]", "-",
  '{"a":1,}' }
for _, text in ipairs(wrong) do
  local got, why = json.decode(text)
  expect.equal(got, nil, text)
  expect.truthy(why and why:find("^JSON: .* expected at byte %d+"), text .. ": " .. tostring(why))
end
