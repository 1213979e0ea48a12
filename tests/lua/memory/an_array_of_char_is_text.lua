-- SPDX-License-Identifier: MIT
-- Array("char", text) and Value("char"), under the letter of Python's ctypes too: text that all workers see.
local mm = require "manymoons"
local expect = require "expect"

local text = mm.Array("c", "hello")
expect.equal({ #text, text:type(), text[1], text.value, text:bytes() }, { 5, "char", "h", "hello", "hello" })
text[1] = "j"
expect.equal(text.value, "jello")
text.value = "hi"
expect.equal({ text.value, text:bytes(), text[3] }, { "hi", "hi\0lo", "\0" })
text.value = "12345"
expect.equal(text.value, "12345")
text.value = ""
expect.equal(text.value, "")
expect.equal(mm.Array("char", 3).value, "")
expect.equal(mm.Array("char", { "a", "b" }).value, "ab")
expect.equal({ text:fill("x"):copy("yz", 2).value, text:slice(1, 2) }, { "xyzxx", { "x", "y" } })
expect.equal({ text:cas(1, "x", "w"), text:exchange(1, "v"), text:max(1, "w"), text:min(1, "a") },
  { true, "w", "w", "a" })
expect.equal(text:view(2, 3).value, "yz")
text:view(4).value = "!"
expect.equal(text:bytes(), "ayz!\0")

local letter = mm.Value("char", "a")
expect.equal({ letter.value, letter:cas("a", "b"), letter.value }, { "a", true, "b" })
expect.equal(mm.Value("c").value, "\0")

local shared = mm.Array("char", 20)
local worker = mm.Process(function() shared.value = "from the worker" end)
worker:start()
expect.truthy(worker:join(expect.HANG))
expect.equal(shared.value, "from the worker")

expect.raises("Array: ab is not a string of one byte", function() text[1] = "ab" end)
expect.raises("Array: 7 is not a string of one byte", function() text[1] = 7 end)
expect.raises("Array: value: at most 5 bytes expected, got 6", function() text.value = "123456" end)
expect.raises("Array: value: a string expected, got number", function() text.value = 5 end)
expect.raises("Array:add: a %+ 1 is not known: char is text", text.add, text, 1, 1)
expect.raises("Array: only an Array of char has a value", function() mm.Array("u8", 3).value = "abc" end)
expect.equal(mm.Array("u8", 3).value, nil)
expect.raises("a number of elements or a list expected, got abc", mm.Array, "u8", "abc")
text:close()
expect.raises("Array: used after close", function() return text.value end)
if rawget(_G, "jit") then
  local ffi = require("ffi")
  expect.equal(ffi.string(shared:pointer()), "from the worker")
end
