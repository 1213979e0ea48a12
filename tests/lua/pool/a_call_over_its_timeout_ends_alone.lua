-- SPDX-License-Identifier: MIT
-- hosts: manymoons lua5.4 lua5.1
-- It fails with kind "timeout"; its neighbours, the rest of its batch and the pool go on.
local mm = require "manymoons"
local expect = require "expect"

local LIMIT = 0.05
local pool = mm.Pool(2)

local function maybe_endless(x)
  local text = ""
  while x == 3 do text = text:sub(1, 10) .. tostring(x) end
  return x
end

for _, chunksize in ipairs({ false, 6 }) do
  local err = expect.raises("longer than 0.05 s", pool.map, pool, maybe_endless, { 1, 2, 3, 4, 5, 6 },
    { timeout = LIMIT, chunksize = chunksize or nil })
  expect.equal(err.kind, "timeout")
  expect.equal(err.results, { 1, 2, nil, 4, 5, 6 })
  expect.equal(err.errors[3], err)
end

local future = pool:apply_async(maybe_endless, { 3 }, { timeout = LIMIT })
local neighbour = pool:apply_async(maybe_endless, { 4 }, { timeout = 60 })
expect.equal(neighbour:get(), 4)
expect.equal(expect.raises("longer than", future.get, future).kind, "timeout")
expect.equal(pool:map_async(maybe_endless, { 1, 2 }, { timeout = 60 }):get(), { 1, 2 })

local seen, failed = {}, 0
local results = pool:imap(maybe_endless, { 1, 2, 3, 4 }, { timeout = LIMIT })
while true do
  local ok, result = pcall(results)
  if ok and result == nil then break end
  if ok then seen[#seen + 1] = result else failed = failed + 1 end
end
expect.equal(seen, { 1, 2, 4 })
expect.equal(failed, 1)
expect.raises("timeout: a number of seconds above 0", pool.map, pool, maybe_endless, {}, { timeout = 0 })
pool:close()
expect.equal(pool:join(30), true)
