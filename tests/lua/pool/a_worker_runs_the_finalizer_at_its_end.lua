-- SPDX-License-Identifier: MIT
-- Pool{ finalizer = f }: each worker that ends by itself runs f last; a worker that is stopped does not.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local said = mm.Queue()
local function begin(text) greeting = text end -- luacheck: ignore
local function finish() said:put({ mm.current_process().name, greeting }) end -- luacheck: ignore
local function twice(x) return 2 * x end

-- One of a pool that is closed, with what its initializer set.
local count = world == "serial" and 1 or 2
local pool = mm.Pool{ workers = count, initializer = begin, initargs = { "hello" }, finalizer = finish }
expect.equal(pool:map(twice, { 1, 2, 3 }), { 2, 4, 6 })
expect.equal(said:qsize(), 0)
pool:close()
expect.truthy(pool:join(expect.HANG))
local names = {}
for i = 1, count do
  local name, text = (table.unpack or unpack)(said:get(expect.HANG)) -- luacheck: ignore
  names[i] = name
  expect.equal(text, "hello")
end
table.sort(names)
expect.equal(names, world == "serial" and { "PoolWorker-1" } or { "PoolWorker-1", "PoolWorker-2" })
expect.equal(said:qsize(), 0)

-- One that is replaced after its calls.
pool = mm.Pool{ workers = 1, maxtasksperchild = 2, finalizer = finish }
for i = 1, 3 do expect.equal(pool:apply(twice, i), 2 * i) end
expect.equal(said:get(expect.HANG)[1], "PoolWorker-1")
pool:close()
pool:join(expect.HANG)
expect.equal(said:get(expect.HANG)[1], "PoolWorker-2")

-- One that is too many.
if world ~= "serial" then
  pool = mm.Pool{ workers = 2, finalizer = finish }
  pool:resize(1)
  expect.truthy(said:get(expect.HANG))
  pool:close()
  expect.truthy(pool:join(expect.HANG))
  expect.truthy(said:get(expect.HANG))
end

-- None that is stopped: neither with its pool, nor in a call.
pool = mm.Pool{ workers = 1, finalizer = finish }
expect.equal(pool:apply(twice, 1), 2)
pool:terminate()
if world ~= "serial" then
  pool = mm.Pool{ workers = 1, finalizer = finish }
  local began = mm.Queue()
  local future = pool:submit(function()
    began:put(true)
    mm.sleep(1e6)
  end)
  expect.equal(began:get(expect.HANG), true)
  expect.equal(future:cancel(), true)
  expect.equal(pool:apply(twice, 4), 8)
  pool:terminate()
end
expect.equal(said:qsize(), 0)
