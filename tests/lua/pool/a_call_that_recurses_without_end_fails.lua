-- SPDX-License-Identifier: MIT
-- hosts: manymoons
-- variants: release asan
-- Its stack overflows, and the error arrives as any other; a call that is late ends however deep it is.
local mm = require "manymoons"
local expect = require "expect"

local function endless(n) return 1 + endless(n) end

local function overflows(n) return endless(n) end

local pool = mm.Pool(1)
expect.raises("overflow", pool.apply, pool, overflows, 1)

local deep = mm.Actor(function() return { go = function(_, n) return overflows(n) end } end)
expect.raises("overflow", deep.go, deep, 1)
deep:stop()

local function late(n)
  if n > 0 then return 1 + late(n - 1) end
  local text = ""
  while true do text = text:sub(1, 10) .. "x" end
end

local err = expect.raises("longer than 0.05 s", pool.map, pool, late, { 100000 }, { timeout = 0.05 })
expect.equal(err.kind, "timeout")
pool:terminate()
pool:join()
