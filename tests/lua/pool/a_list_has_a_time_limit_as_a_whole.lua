-- SPDX-License-Identifier: MIT
-- total_timeout of map and starmap: when the time is over the calls that are not done are cancelled, and fail with
-- kind "timeout"; the results of the others are there, and the pool goes on.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local function double(x) return 2 * x end

local pool = mm.Pool(world == "serial" and 1 or 2)
expect.equal(pool:map(double, { 1, 2, 3 }, { total_timeout = expect.HANG }), { 2, 4, 6 })
expect.equal(pool:starmap(math.max, { { 1, 2 }, { 4, 3 } }, { total_timeout = math.huge }), { 2, 4 })
expect.equal(pool:map(double, {}, { total_timeout = 1 }), {})

-- The second call does not end by itself; in the serial world it ends after the time.
local function waits_at_two(x)
  local moons = require "manymoons"
  if x == 2 then moons.sleep(moons.current_process().world == "serial" and 0.05 or 1e6) end
  return 10 * x
end
local function items(count)
  local list = {}
  for i = 1, count do list[i] = i end
  return list
end
local function check(err)
  expect.equal(err.kind, "timeout")
  expect.truthy(err.message:find("the calls of the whole list took longer than 0.05 s", 1, true), err.message)
  expect.truthy(tostring(err):find("^in item %d+ of map"), tostring(err))
end
local err = expect.raises("whole list", pool.map, pool, waits_at_two, items(200),
  { total_timeout = 0.05, chunksize = 1 })
check(err)
local failed = 0
for i = 1, 200 do
  if err.errors[i] then
    failed = failed + 1
    check(err.errors[i])
    expect.equal(err.results[i], nil)
  else
    expect.equal(err.results[i], 10 * i)
  end
end
expect.truthy(failed > 0, "failures")
expect.equal(pool:map(double, { 5 }), { 10 })

-- With errors = "return", and a chunksize that adapts.
local results = pool:map(waits_at_two, items(20), { total_timeout = 0.05, errors = "return" })
local late = 0
for i = 1, 20 do
  if results[i] ~= 10 * i then
    late = late + 1
    check(results[i])
  end
end
expect.truthy(late > 0, "errors in the place of results")
expect.equal(pool:apply(double, 4), 8)
expect.raises("Pool:map: total_timeout: a number of seconds above 0 expected, got 0", pool.map, pool, double, { 1 },
  { total_timeout = 0 })
pool:terminate()
