-- SPDX-License-Identifier: MIT
-- The option `sandbox` in every world: what it cannot be, where it cannot be, and the name of a misspelt key.
local mm = require("manymoons")
local expect = require("expect")

local world = mm.current_world()
local is_possible = world == "processes"

local function both(option, pattern)
  expect.raises("^[^\n]*Pool: sandbox: " .. pattern, mm.Pool, { workers = 1, sandbox = option })
  expect.raises("^[^\n]*Process: sandbox: " .. pattern, mm.Process, { target = print, sandbox = option })
end

if not is_possible then
  both(true, "only for the world processes")
  both({ read = { "/" } }, "only for the world processes")
else
  both({ raed = { "/" } }, "unknown field 'raed'; there are read, write, network")
  both({ read = "/" }, "read: a list of paths expected, got string")
  both({ write = { 1 } }, "write%[1%]: a path expected, got number")
  both({ read = { "/", home = "/" } }, "read: a list of paths expected, got a table with the key home")
  both({ read = { "/", "/nowhere" } }, "read%[2%]: '/nowhere': ENOENT")
  both({ network = 1 }, "network: true or false expected, got 1")
end
both("yes", "true or a table with read, write, network expected, got yes")
both(1, "true or a table with read, write, network expected, got 1")

-- No sandbox is none.
local pool = mm.Pool({ workers = 1, sandbox = false })
expect.equal(pool:apply(function() return 1 end), 1)
pool:terminate()
