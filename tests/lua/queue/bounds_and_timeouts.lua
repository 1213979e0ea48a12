-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue(2)
expect.equal(q:put(1), true)
expect.equal(q:full(), false)
expect.equal(q:put(2), true)
expect.equal(q:full(), true)
expect.equal({ q:put_nowait(3) }, { nil, "full" })
local before = mm.time()
expect.equal({ q:put(3, 0.05) }, { nil, "timeout" })
expect.truthy(mm.time() - before >= 0.05, "a timeout is never early")
expect.equal(q:get_nowait(), 1)
expect.equal(q:put(3), true)
expect.equal(q:get(), 2)
expect.equal(q:get(), 3)
expect.equal({ q:get_nowait() }, { nil, "empty" })
expect.equal({ q:get(0) }, { nil, "empty" })
before = mm.time()
expect.equal({ q:get(0.05) }, { nil, "timeout" })
expect.truthy(mm.time() - before >= 0.05, "a timeout is never early")
expect.raises("maxsize", mm.Queue, -1)
expect.raises("number of seconds expected", q.get, q, "soon")
