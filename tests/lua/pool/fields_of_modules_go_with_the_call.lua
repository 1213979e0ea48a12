-- SPDX-License-Identifier: MIT
-- brokers: none
-- A task sees what its caller has put into standard libraries and modules since the pool was made.
local mm = require "manymoons"
local expect = require "expect"

local file = assert(io.open("settings_of_test.lua", "w"))
file:write([[
local M = { config = { level = 1, list = {} } }
function M.base() return 42 end
function M.get_flag() return M.flag end
return M
]])
file:close()
package.path = "./?.lua;" .. package.path
local settings = require "settings_of_test"

local pool = mm.Pool(2)
local function both(f)
  local results = pool:map(function() return (f()) end, { 1, 2, 3, 4 }, { chunksize = 1 })
  for i = 2, 4 do expect.equal(results[i], results[1]) end
  return results[1]
end

expect.equal(pool:apply(function() return settings.flag end), nil)
local function trimmed() return ("  a "):trim() end
expect.raises("trim", pool.apply, pool, trimmed)
function string.trim(s) return (s:gsub("^%s+", ""):gsub("%s+$", "")) end
expect.equal(both(trimmed), "a", "a method of strings")
expect.equal(both(function() return string.trim("  a ") end), "a")

settings.flag = true
expect.equal(both(function() return settings.flag end), true)
expect.equal(both(function() return require("settings_of_test").flag end), true, "by its name")
expect.equal(both(function() return settings.get_flag() end), true, "through a function of the module")
settings.config.level = 7
table.insert(settings.config.list, "x")
expect.equal(both(function() return settings.config.level + #settings.config.list end), 8, "inside a table")
function settings.next() return settings.base() + 1 end
expect.equal(both(function() return settings.next() end), 43, "a new function")
function reader() return settings.flag end
expect.equal(both(function() return reader() end), true, "through a global function")

local function kept() return tostring(settings.flag) .. tostring(math.limit) end
expect.equal(both(kept), "truenil")
settings.flag, math.limit = "on", 5
expect.equal(both(kept), "on5")
settings.flag = nil
expect.equal(both(kept), "nil5", "a field that is gone")

local upper = string.upper
function string.upper(s) return "<" .. upper(s) .. ">" end -- luacheck: ignore
expect.equal(both(function() return ("a"):upper() .. string.upper("b") end), "<A><B>", "a wrapped function")
string.upper = upper -- luacheck: ignore
expect.equal(both(function() return ("a"):upper() end), "A")

-- What cannot be sent raises where it is used, naming it.
local world = mm.current_world()
if world == "interpreters" or world == "processes" then
  settings.co = coroutine.create(function() end)
  expect.raises("cannot send a coroutine %(at settings_of_test.co%)", pool.apply, pool, function() settings.co() end)
  expect.equal(pool:apply(function(use) return use and settings.co or "unused" end, false), "unused")
  settings.co = nil
end

-- What a task assigns stays until the caller's value changes.
if world == "interpreters" or world == "processes" then
  local one = mm.Pool(1)
  local function step()
    settings.count = (settings.count or 0) + 1
    return settings.count
  end
  expect.equal({ one:apply(step), one:apply(step) }, { 1, 2 })
  settings.count = 10
  expect.equal({ one:apply(step), one:apply(step), settings.count }, { 11, 12, 10 })
  one:terminate()
end
pool:terminate()
