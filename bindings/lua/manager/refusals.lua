-- SPDX-License-Identifier: MIT
-- Refusals: the errors of wrong uses of what a manager's server has. A refusal is raised on the server, and names the
-- function and the argument; the client puts the place of its call before it (manager/proxies.lua).
local require = ...

local checks = require("core.checks")

local refusals = {}

local Refusal = { __name = "Refusal" }
function Refusal.__tostring(self) return self.text end

function refusals.fail(text) error(setmetatable({ text = text }, Refusal), 0) end

-- Raises unless is_right; the message names the function and the argument.
function refusals.expect(is_right, where, what)
  if not is_right then refusals.fail(where .. ": " .. what) end
end

-- Calls a function of the library, whose errors are refusals.
local function pass(ok, ...)
  if not ok then refusals.fail(checks.bare((...))) end
  return ...
end
function refusals.call(f, ...) return pass(pcall(f, ...)) end

-- A timeout of the function `where`: nil, or the seconds from 0 on.
function refusals.timeout(timeout, where)
  local seconds, why = checks.read_timeout(timeout)
  refusals.expect(not why, where, why)
  return seconds
end

-- The text of a refusal, and of an error that Lua itself raised in this library's code; nil: it is the script's error.
function refusals.text_of(err)
  if getmetatable(err) == Refusal then return err.text end
  local text = type(err) == "string" and err:match("^manymoons/[%w_/]+%.lua:%d+: (.*)")
  return text and "Manager: " .. text
end

return refusals
