-- SPDX-License-Identifier: MIT
-- worlds: serial interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
for i = 1, 1000 do q:put(i) end
expect.equal(q:qsize(), 1000)
for i = 1, 1000 do expect.equal(q:get(), i) end
expect.equal(q:empty(), true)
local t = { x = 1 }
q:put(t)
expect.equal(q:empty(), false)
t.x = 2
expect.equal(q:get(), { x = 1 })
local co = coroutine.create(function() end)
expect.raises("cannot send a coroutine %(at value.jobs%[3%].co%)", q.put, q, { jobs = { 1, 2, { co = co } } })
expect.equal(q:qsize(), 0)
q:put(nil)
expect.equal(q:qsize(), 1)
expect.equal(q:get(), nil)
local big = ("0123456789abcdef"):rep(4 * 1024 * 1024)
q:put(big)
expect.truthy(q:get() == big, "64 MiB")
