-- SPDX-License-Identifier: MIT
-- errors = "return" puts the error of an item in its place; retry_errors runs an item again that raised.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local function odd(x)
  if x % 2 == 0 then error({ code = x }) end
  return 10 * x
end

local results = pool:map(odd, { 1, 2, 3, 4 }, { errors = "return" })
expect.equal({ results[1], results[2].kind, results[2].value.code, results[3], results[4].value.code },
  { 10, "error", 2, 30, 4 })
results = pool:starmap(function(a, b) return odd(a + b) end, { { 1, 0 }, { 1, 1 } }, { errors = "return" })
expect.equal({ results[1], results[2].value.code }, { 10, 2 })
local future = pool:map_async(odd, { 2, 3 }, { errors = "return" })
results = future:get()
expect.equal({ results[1].kind, results[2], future:successful() }, { "error", 30, true })
local list = {}
for result in pool:imap(odd, { 1, 2, 3 }, { errors = "return" }) do list[#list + 1] = result end
expect.equal({ list[1], list[2].kind, list[3] }, { 10, "error", 30 })
expect.equal(#pool:map(odd, {}, { errors = "return" }), 0)
expect.raises("code", pool.map, pool, function(x) error("code " .. x) end, { 1 }, { errors = "raise" })

-- Runs are counted by a queue, whatever the worker.
local function failing(times, queue)
  return function(x)
    queue:put(x)
    local count = mm.Value and queue:qsize()
    if count <= times then error("run " .. count, 0) end
    return count
  end
end
local queue = mm.SimpleQueue()
expect.equal(pool:map(failing(2, queue), { "x" }, { retry_errors = 2, backoff = 0.001 }), { 3 })
queue = mm.SimpleQueue()
expect.equal(expect.raises("run 2", pool.map, pool, failing(5, queue), { "x" }, { retry_errors = 1 }).kind, "error")
expect.equal(queue:qsize(), 2)
queue = mm.SimpleQueue()
expect.equal(pool:apply_async(failing(1, queue), { "x" }, { retry_errors = 1 }):get(), 2)
queue = mm.SimpleQueue()
for result in pool:imap(failing(1, queue), { "x" }, { retry_errors = 3 }) do expect.equal(result, 2) end
-- All results come through, also nil.
future = pool:apply_async(function(...) return nil, select("#", ...), nil end, { 1, 2 }, { retry_errors = 1 })
expect.equal({ future:get() }, { nil, 2, nil })

expect.raises("errors: 'raise' or 'return' expected, got keep", pool.map, pool, odd, { 1 }, { errors = "keep" })
expect.raises("retry_errors: a whole number, 0 or more, expected, got %-1", pool.map, pool, odd, { 1 },
  { retry_errors = -1 })
expect.raises("backoff: a number of seconds, 0 or more, expected, got x", pool.map, pool, odd, { 1 },
  { backoff = "x" })
pool:terminate()
