-- SPDX-License-Identifier: MIT
-- A value to bytes and back, in one VM. Usage: codec.lua VALUE COUNT
local mm = require("manymoons")
local values = require("values")

local value, count = values.make(arg[1]), tonumber(arg[2])
local dumps, loads = mm.dumps, mm.loads

loads(dumps(value))
local start = mm.time()
for _ = 1, count do loads(dumps(value)) end
local seconds = mm.time() - start

print("time", seconds / count * 1e6, "us")
