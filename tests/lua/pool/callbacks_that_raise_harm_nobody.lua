-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local said = {}
local real = io.stderr
local function quietly(f) -- tests/hosts/pool_says.sh checks the reports on stderr
  io.stderr = { write = function(_, ...) said[#said + 1] = table.concat({ ... }) end }
  local ok, err = pcall(f)
  io.stderr = real
  if not ok then error(err, 0) end
end

local got = {}
local a = pool:apply_async(function(x, y) return x + y, "second" end, { 1, 2 }, {
  callback = function(...) got.a = { ... } end,
  error_callback = function() got.wrong = true end,
})
expect.equal(a:get(), 3)
expect.equal(got.a, { 3, "second" })
local b = pool:apply_async(function() error("on purpose") end, nil, {
  callback = function() got.wrong = true end,
  error_callback = function(err) got.b = err.message end,
})
b:wait()
expect.truthy(got.b:find("on purpose"), got.b)
local c = pool:map_async(function(x) return 2 * x end, { 1, 2, 3 }, { callback = function(list) got.c = list end })
c:wait()
expect.equal(got.c, { 2, 4, 6 })
expect.equal(got.wrong, nil)

-- Callbacks that raise, added before and after the end of the call; and one that uses the pool.
quietly(function()
  local order = {}
  local future = pool:submit(function() return 1 end)
  future:on_done(function() error("first callback") end)
  future:on_done(function(done) order[#order + 1] = done:get() end)
  future:on_done(function() order[#order + 1] = pool:apply(function() return "nested" end) end)
  expect.equal(future:get(), 1)
  expect.equal(order, { 1, "nested" })
  future:on_done(function() error("late callback") end)
  local opts = { progress = function() error("progress") end }
  expect.equal(pool:map(function(x) return x end, { 1, 2, 3 }, opts), { 1, 2, 3 })
end)
local text = table.concat(said)
for _, word in ipairs({ "first callback", "late callback", "progress" }) do expect.truthy(text:find(word), text) end

local calls = {}
pool:map(function(x) return x end, { 1, 2, 3, 4 }, {
  progress = function(done, total) calls[#calls + 1] = { done, total } end,
})
expect.equal(calls[#calls], { 4, 4 })
expect.raises("Future:on_done: a function expected, got nil", a.on_done, a)
expect.raises("callback: a function expected", pool.apply_async, pool, print, {}, { callback = 3 })
pool:terminate()
