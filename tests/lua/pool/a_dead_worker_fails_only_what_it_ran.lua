-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes threads
-- The running item fails with kind "died", items done before have their results, the others run on another worker.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)

local function exits_at_three(x)
  if x == 3 then os.exit(3) end
  return x
end

for _, chunksize in ipairs({ 1, 2, 4, 8, false }) do
  local err = expect.raises("exit code 3", pool.map, pool, exits_at_three, { 1, 2, 3, 4, 5, 6, 7, 8 },
    { chunksize = chunksize or nil })
  expect.equal(err.kind, "died")
  expect.equal(err.exitcode, 3)
  expect.equal(err.results, { 1, 2, nil, 4, 5, 6, 7, 8 }, "chunksize " .. tostring(chunksize))
  local failed = {}
  for i in pairs(err.errors) do failed[#failed + 1] = i end
  expect.equal(failed, { 3 })
end

-- retries: so often it runs again.
local runs = mm.Queue()
local function exits_twice(q, x)
  q:put(x)
  if x == 2 and q:qsize() < 5 then os.exit(1) end
  return x
end
local pairs_of = { { runs, 1 }, { runs, 2 }, { runs, 3 } }
expect.equal(pool:starmap(exits_twice, pairs_of, { retries = 9, chunksize = 1 }), { 1, 2, 3 })
expect.equal(pool:apply_async(exits_twice, { runs, 2 }, { retries = 9 }):get(), 2)
local future = pool:apply_async(function() os.exit(7) end, {}, { retries = 2 })
expect.equal(expect.raises("exit code 7", future.get, future).exitcode, 7)

-- Of a list that is not waited for, and of one read through a window.
local whole = pool:map_async(exits_at_three, { 1, 2, 3, 4, 5 }, { chunksize = 5 })
expect.equal(expect.raises("exit code 3", whole.get, whole).results, { 1, 2, nil, 4, 5 })
local seen, died = {}, 0
local results = pool:imap(exits_at_three, { 1, 2, 3, 4, 5 }, { chunksize = 5 })
for _ = 1, 5 do
  local ok, result = pcall(results)
  if ok then seen[#seen + 1] = result else died = died + 1 end
end
expect.equal(seen, { 1, 2, 4, 5 })
expect.equal(died, 1)
expect.equal(pool:map(function(x) return x end, { 1, 2, 3 }), { 1, 2, 3 })
pool:close()
expect.equal(pool:join(expect.HANG), true)
