-- SPDX-License-Identifier: MIT
-- err.value is what the task raised: of any type, and of a class of the script that is registered nowhere.
local mm = require "manymoons"
local expect = require "expect"

local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(self) return "failure " .. self.code end
function Failure.raise(code) error(setmetatable({ code = code }, Failure)) end
local Mute = { __tostring = function() error("no text") end }
local Late = setmetatable({}, { __index = Failure })
Late.__index = Late

local pool = mm.Pool(2)
local function error_of(f, ...)
  local ok, err = pcall(pool.apply, pool, f, ...)
  expect.truthy(not ok)
  expect.truthy(getmetatable(err) == mm.Error)
  return err
end

local err = error_of(Failure.raise, 7)
expect.truthy(getmetatable(err.value) == Failure and err.value.code == 7)
expect.equal(err.message, "failure 7")
err = error_of(function() error(setmetatable({ code = 8 }, Late)) end)
expect.truthy(getmetatable(err.value) == Late and err.value.code == 8)
err = error_of(function() error(setmetatable({ code = 9 }, Mute)) end)
expect.truthy(getmetatable(err.value) == Mute and err.value.code == 9)
expect.equal(error_of(function() error(false) end).value, false)
expect.equal(error_of(function() error(nil) end).value, nil)
expect.equal(error_of(function() error({ 1, { 2 } }) end).value, { 1, { 2 } })

-- The same of lists, futures and an initializer's pool; an error that is passed on keeps it.
local ok, failed = pcall(pool.map, pool, function(i)
  if i == 3 then Failure.raise(i) end
  return i
end, { 1, 2, 3, 4 })
expect.truthy(not ok and getmetatable(failed.value) == Failure and failed.value.code == 3)
local future = pool:submit(Failure.raise, 4)
ok, failed = pcall(future.get, future)
expect.truthy(not ok and getmetatable(failed.value) == Failure and failed.value.code == 4)
local inner = error_of(function(e) error(e) end, failed.value)
expect.truthy(getmetatable(inner.value) == Failure and inner.value.code == 4)
pool:terminate()
