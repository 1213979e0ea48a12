-- SPDX-License-Identifier: MIT
-- A program that guards its globals by a metatable runs the same in a worker.
local mm = require "manymoons"
local expect = require "expect"

known = { 1, 2, 3 }
setmetatable(_G, {
  __index = function(_, name) error("no global '" .. tostring(name) .. "'", 2) end,
  __newindex = function(t, name, value) rawset(t, name, value) end,
})
local pool = mm.Pool(1)
expect.equal(pool:apply(function() return #known end), 3)
expect.raises("no global 'unknown'", pool.apply, pool, function() return unknown end)
expect.equal(pool:apply(function()
  fresh = "set here"
  return fresh
end), "set here")
pool:terminate()
