-- SPDX-License-Identifier: MIT
-- resize changes the number of workers while calls run, of which none is lost; with idle = seconds the workers of a
-- pool without anything to do end, and start again for the next call.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local is_serial = mm.current_world() == "serial"

local function await_size(pool, size)
  if is_serial then size = 1 end
  while #pool:stats() ~= size do mm.sleep(0.001) end -- the workers of async need turns
end

local list = {}
for i = 1, 200 do list[i] = i end
local function double(x) return 2 * x end
local doubled = mm.serial.Pool(1):map(double, list)

local started = mm.Value("i32", 0)
local pool = mm.Pool({ workers = 1, initializer = function() started:add(1) end })
pool:resize(4)
expect.equal(#pool:stats(), is_serial and 1 or 4)
expect.equal(pool:broadcast(function() return 1 end).n, is_serial and 1 or 4)
expect.equal(started.value, is_serial and 1 or 4)
pool:resize(4)
expect.equal(pool:map(double, list), doubled)

-- What runs, and what waits for a worker, is done.
if not is_serial then
  local go, running = mm.Event(), mm.Queue()
  local futures = {}
  for i = 1, 8 do
    futures[i] = pool:submit(function(x)
      running:put(x)
      go:wait()
      return x
    end, i)
  end
  for _ = 1, 4 do running:get(expect.HANG) end
  pool:resize(1)
  expect.equal(futures[1]:ready(), false)
  go:set()
  for i = 1, 8 do expect.equal(futures[i]:get(), i) end
end
await_size(pool, 1)
expect.equal(pool:map(double, list, { chunksize = 1 }), doubled)
expect.equal(pool:broadcast(function() return 1 end).n, 1)

-- Up and down while a list runs.
local results, at = {}, 0
for result in pool:imap(double, list) do
  at = at + 1
  results[at] = result
  if at % 20 == 0 then pool:resize(1 + at / 20 % 3) end
end
expect.equal(results, doubled)
pool:resize(2)
await_size(pool, 2)
expect.equal(pool:map(double, list), doubled)

-- A worker that dies while the pool has too many is not replaced.
if mm.current_world() == "processes" or mm.current_world() == "interpreters" then
  local future = pool:submit(os.exit, 3)
  pool:resize(1)
  expect.equal(expect.raises("died", future.get, future).kind, "died")
  await_size(pool, 1)
end
expect.equal(pool:map(double, list), doubled)
expect.raises("Pool:resize: argument 1: a whole number from 1 to 4096 expected, got 0", pool.resize, pool, 0)
pool:close()
expect.raises("Pool:resize: the pool is closed", pool.resize, pool, 1)
expect.equal(pool:join(), true)

-- A pool that rests.
started.value = 0
pool = mm.Pool({ workers = 2, idle = 0.001, initializer = function() started:add(1) end })
for round = 1, 3 do
  expect.equal(pool:map(double, list), doubled)
  expect.equal(pool:submit(double, pool:submit(double, 1)):get(), 4)
  await_size(pool, 0)
  expect.truthy(is_serial or started.value >= 2 * round)
end
expect.equal(pool:broadcast(function() return 1 end).n, is_serial and 1 or 2)
await_size(pool, 0)
pool:resize(3)
expect.equal(pool:map(double, list), doubled)
expect.equal(tostring(pool):match("%d+"), is_serial and "1" or "3")
-- Not while something runs.
if not is_serial then
  local go = mm.Event()
  local future = pool:submit(function() return go:wait() end)
  mm.sleep(0.01)
  expect.truthy(#pool:stats() > 0)
  go:set()
  expect.equal(future:get(), true)
end
pool:close()
expect.equal(pool:join(), true)
pool = mm.Pool({ workers = 2, idle = 0 })
await_size(pool, 0)
pool:close()
expect.equal(pool:join(), true)
expect.raises("idle: a number of seconds, 0 or more, expected, got x", mm.Pool, { idle = "x" })
