-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local function odd(i)
  if i % 2 == 0 then error({ item = i }) end
  return i
end
for _, chunksize in ipairs{ 1, 3, 10 } do
  local ok, err = pcall(pool.map, pool, odd, { 1, 3, 5, 8, 7, 6, 4, 9 }, { chunksize = chunksize })
  expect.equal(ok, false)
  expect.equal(err.kind, "error")
  expect.equal(err.value, { item = 8 })
end
local ok, err = pcall(pool.starmap, pool, function(a, b) return a < b end, { { 1, 2 }, { 1, {} } })
expect.equal(ok, false)
expect.truthy(err.message:find("attempt to compare", 1, true), "message")
expect.equal(pool:map(odd, { 1, 3, 5 }), { 1, 3, 5 })
pool:close()
pool:join()
