-- SPDX-License-Identifier: MIT
-- How many lines a second a command takes from its standard input, its start among them.
-- Usage: map.lua LINES COMMAND, for the shell
local mm = require "manymoons"

local count = tonumber(arg[1])
local name = os.tmpname()
local file = assert(io.open(name, "w"))
for i = 1, count do file:write(i, "\n") end
file:close()

local begun = mm.time()
local ok = os.execute("<" .. name .. " >/dev/null " .. arg[2])
local took = mm.time() - begun
os.remove(name)
assert(ok, arg[2])
print("rate", count / took / 1000, "k/s")
