-- SPDX-License-Identifier: MIT
-- hosts: manymoons lua5.4 lua5.1
-- The call fails with kind "timeout"; other calls, the rest of its batch and the pool continue.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)

local function maybe_endless(x)
  local text = ""
  while x == 3 do text = text:sub(1, 10) .. tostring(x) end
  return x
end

-- f(limit) returns whether only the endless call exceeded the limit. On a busy machine others may as well; the test
-- then tries twice the limit.
local LIMIT = 0.05
local function until_it_is_alone(f)
  local limit = LIMIT
  while not f(limit) do limit = 2 * limit end
end

for _, chunksize in ipairs({ false, 6 }) do
  until_it_is_alone(function(limit)
    local err = expect.raises(("longer than %g s"):format(limit), pool.map, pool, maybe_endless, { 1, 2, 3, 4, 5, 6 },
      { timeout = limit, chunksize = chunksize or nil })
    expect.equal(err.kind, "timeout")
    for i, other in pairs(err.errors) do
      expect.equal(other.kind, "timeout")
      if i ~= 3 then return false end
    end
    expect.equal(err.results, { 1, 2, nil, 4, 5, 6 })
    expect.equal(err.errors[3], err)
    return true
  end)
end

local future = pool:apply_async(maybe_endless, { 3 }, { timeout = LIMIT })
local neighbour = pool:apply_async(maybe_endless, { 4 }, { timeout = expect.HANG })
expect.equal(neighbour:get(), 4)
expect.equal(expect.raises("longer than", future.get, future).kind, "timeout")
expect.equal(pool:map_async(maybe_endless, { 1, 2 }, { timeout = expect.HANG }):get(), { 1, 2 })

until_it_is_alone(function(limit)
  local seen, failed = {}, 0
  local results = pool:imap(maybe_endless, { 1, 2, 3, 4 }, { timeout = limit })
  while true do
    local ok, result = pcall(results)
    if ok and result == nil then break end
    if ok then seen[#seen + 1] = result else failed = failed + 1 end
  end
  expect.equal(#seen + failed, 4)
  if failed > 1 then return false end
  expect.equal(seen, { 1, 2, 4 })
  expect.equal(failed, 1)
  return true
end)
expect.raises("timeout: a number of seconds above 0", pool.map, pool, maybe_endless, {}, { timeout = 0 })
pool:close()
expect.equal(pool:join(expect.HANG), true)
