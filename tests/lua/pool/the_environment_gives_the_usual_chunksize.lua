-- SPDX-License-Identifier: MIT
-- hosts: manymoons
-- MANYMOONS_CHUNKSIZE is the size of chunks where the script gives none: results are the same with each, and what is no
-- size is named. A size that the script gives counts more.
local expect = require("expect")
local mm = require("manymoons")

local SCRIPT = [[
local mm = require("manymoons")
local pool = mm.Pool(2)
local function double(x) return 2 * x end
local items = { 1, 2, 3, 4, 5 }
local out = { table.concat(pool:map(double, items), ",") }
out[2] = table.concat(pool:map(double, items, { chunksize = 2 }), ",")
local seen = {}
for value in pool:imap(double, items) do seen[#seen + 1] = value end
out[3] = table.concat(seen, ",")
out[4] = table.concat(pool:map_async(double, items):get(), ",")
print(table.concat(out, " "))
]]

local function run(size)
  local file = assert(io.open("script.lua", "w"))
  file:write(SCRIPT)
  file:close()
  local command = string.format("MANYMOONS_CHUNKSIZE='%s' '%s/manymoons' --world %s script.lua 2>&1", size,
    os.getenv("MM_BUILD"), mm.current_world())
  local pipe = assert(io.popen(command))
  local output = pipe:read("*a")
  pipe:close()
  return output
end

for _, size in ipairs({ "", "1", "3", "64", "auto" }) do
  expect.equal(run(size), "2,4,6,8,10 2,4,6,8,10 2,4,6,8,10 2,4,6,8,10\n", size)
end
for _, wrong in ipairs({ "0", "1.5", "many", "inf" }) do
  local output = run(wrong)
  local wanted = "MANYMOONS_CHUNKSIZE: a whole number, 1 or more, or auto expected, got '" .. wrong .. "'"
  expect.truthy(output:find(wanted, 1, true), output)
end
