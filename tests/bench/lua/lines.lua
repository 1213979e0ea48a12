-- SPDX-License-Identifier: MIT
-- A file of a million lines, read by io.lines. Runs in lua5.4 as well. Usage: lines.lua [LINES]
local count = tonumber(arg[1]) or 1000000
local name = os.tmpname()
local file = assert(io.open(name, "w"))
for i = 1, count do file:write(("x"):rep(i % 80), "\n") end
file:close()

local best
for _ = 1, 3 do
  local start, bytes = os.clock(), 0
  for line in io.lines(name) do bytes = bytes + #line end
  local took = os.clock() - start
  assert(bytes > count)
  best = math.min(best or took, took)
end
os.remove(name)
print("time", best / count * 1e9, "ns")
