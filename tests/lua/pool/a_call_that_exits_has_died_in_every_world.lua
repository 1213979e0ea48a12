-- SPDX-License-Identifier: MIT
-- brokers: none
-- os.exit in a call, an initializer or a Process ends the worker alone, in every world.
local mm = require "manymoons"
local expect = require "expect"

local function died(code, f, ...)
  local ok, err = pcall(f, ...)
  expect.truthy(not ok and getmetatable(err) == mm.Error, "an error of the call")
  expect.equal({ err.kind, err.exitcode }, { "died", code })
  return err
end

local pool = mm.Pool(1)
local err = died(3, pool.apply, pool, function() os.exit(3) end)
expect.truthy(tostring(err):find("died (exit code 3) while it ran this call", 1, true), tostring(err))
died(0, pool.apply, pool, function() os.exit() end)
died(1, pool.apply, pool, function() os.exit(false) end)
died(4, pool.apply, pool, function()
  pcall(os.exit, 4)
  return "caught"
end)
expect.equal(pool:apply(function() return 5 end), 5, "the pool goes on")

local failed = died(6, pool.map, pool, function(i)
  if i == 2 then os.exit(6) end
  return i * 10
end, { 1, 2, 3, 4 })
expect.equal(failed.results, { 10, nil, 30, 40 }, "the other items")
died(7, pool.starmap, pool, function(i) os.exit(i) end, { { 7 } })
local future = pool:submit(function() os.exit(8) end)
died(8, future.get, future)
pool:terminate()

-- A new worker calls the initializer again.
local q = mm.Queue()
local counted = mm.Pool{ workers = 1, initializer = function(out) out:put("started") end, initargs = { q } }
died(9, counted.apply, counted, function() os.exit(9) end)
expect.equal(counted:apply(function() return "again" end), "again")
counted:terminate()
expect.equal(q:qsize(), 2)

local p = mm.Process(function() os.exit(11) end)
p:start()
p:join()
expect.equal(p.exitcode, 11)

-- In an initializer: no pool.
local ok, why = pcall(mm.Pool, { workers = 1, initializer = function() os.exit(12) end })
expect.truthy(not ok and tostring(why):find("12", 1, true), tostring(why))
expect.equal(why.kind, "died")
