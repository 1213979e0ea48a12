-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local s = mm.dumps({ 1, { x = "y" }, true })
expect.equal(mm.loads(s), { 1, { x = "y" }, true })
expect.raises("function", mm.loads, mm.dumps(function() return 1 end))
expect.equal(mm.loads(mm.dumps(function() return 1 end), { functions = true })(), 1)
for cut = 0, #s - 1 do expect.raises(".", mm.loads, s:sub(1, cut)) end
for at = 1, #s do
  for _, byte in ipairs{ 0, 1, 127, 255 } do
    pcall(mm.loads, s:sub(1, at - 1) .. string.char(byte) .. s:sub(at + 1))
  end
end
expect.raises("string expected", mm.loads, nil)
