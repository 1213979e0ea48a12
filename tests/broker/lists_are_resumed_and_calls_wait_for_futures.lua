-- SPDX-License-Identifier: MIT
-- On a broker, too, a call waits for the futures among its arguments, which are of its own pool, and a list is resumed
-- from its file; what needs workers of one's own is refused.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
broker.worker(server, "jobs", "--processes --slots 1")
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local function add(a, b) return a + b end

local function tree(depth)
  if depth == 0 then return pool:submit(math.abs, -1) end
  return pool:submit(add, tree(depth - 1), tree(depth - 1))
end
expect.equal(tree(3):get(), 8)
local failing = pool:submit(add, pool:submit(function() error({ code = 7 }) end), 1)
expect.equal(expect.raises("", failing.get, failing).value.code, 7)
local future = pool:submit(add, tree(1), 3)
expect.equal(mm.wait({ future }, expect.HANG), { future })
expect.equal(future:get(), 5)
local other = mm.serial.Pool(1)
expect.raises("Pool:submit: a future among the arguments: a pool on a broker waits for its own alone", pool.submit,
  pool, add, other:submit(add, 1, 2), 2)

local list = { 1, 2, 3 }
for _ = 1, 2 do
  expect.equal(pool:map(math.sqrt, { 1, 4, 9 }, { resume = broker.file("roots") }), list)
  expect.equal(pool:map_async(math.sqrt, { 1, 4, 9 }, { resume = broker.file("more"), chunksize = 2 }):get(), list)
end
expect.raises("another function", pool.map, pool, math.abs, { 1, 4, 9 }, { resume = broker.file("roots") })

expect.raises("Pool:resize: not for a pool on a broker", pool.resize, pool, 2)
expect.raises("Pool: seed: not for a pool on a broker", mm.Pool, { broker = server.url, name = "jobs", seed = 1 })
expect.raises("Pool: idle: not for a pool on a broker", mm.Pool, { broker = server.url, name = "jobs", idle = 1 })

future = pool:submit(add, tree(1), 3)
pool:close()
expect.equal({ pool:join(), future:get() }, { true, 5 })
