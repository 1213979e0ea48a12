-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- However the items are batched: all others have their results, and the error names the item.
local mm = require "manymoons"
local expect = require "expect"

local list = {}
for i = 1, 50 do list[i] = i end
local thread = coroutine.create(function() end)
list[1], list[40], list[41] = thread, { deep = { thread } }, thread
local bad = { [1] = "%(at item 1%)", [40] = "%(at item 40%.deep%[1%]%)", [41] = "%(at item 41%)" }

local pool = mm.Pool(2)
local function double(x) return x * 2 end
local function check(err)
  expect.equal(err.kind, "unsendable")
  expect.equal(err, err.errors[1])
  for i = 1, 50 do
    expect.equal(err.results[i], not bad[i] and 2 * i or nil)
    expect.equal(err.errors[i] and err.errors[i].kind, bad[i] and "unsendable")
    local message = err.errors[i] and err.errors[i].message
    if bad[i] then expect.truthy(message:find("cannot send a coroutine " .. bad[i]), message) end
  end
end

for _, opts in ipairs({ {}, { chunksize = 1 }, { chunksize = 5 }, { chunksize = 50 }, { retries = 1 } }) do
  local ok, err = pcall(pool.map, pool, double, list, opts)
  expect.equal(ok, false)
  check(err)
  ok, err = pcall(pool.starmap, pool, double, { { 1 }, { list[1] }, { 3 } }, opts)
  expect.equal({ ok, err.kind, err.results[1], err.results[3] }, { false, "unsendable", 2, 6 })
  local future = pool:map_async(double, list, opts)
  ok, err = pcall(future.get, future, expect.HANG)
  expect.equal(ok, false)
  check(err)

  local results = pool:imap(double, list, opts)
  for i = 1, 50 do
    if bad[i] then
      expect.raises("cannot send a coroutine " .. bad[i], results)
    else
      expect.equal(results(), 2 * i)
    end
  end
  expect.equal(results(), nil)
end

-- The pool has forgotten all of it.
expect.equal(pool:map(double, { 1, 2, 3 }), { 2, 4, 6 })
pool:close()
expect.equal(pool:join(expect.HANG), true)
