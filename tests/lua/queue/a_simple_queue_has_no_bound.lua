-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.SimpleQueue()
expect.truthy(tostring(q):find("^SimpleQueue: "), "it says what it is")
expect.equal(q:empty(), true)
for i = 1, 1000 do expect.equal(q:put({ i }), true) end
expect.equal(q:full(), false)
expect.equal(q:empty(), false)
for i = 1, 1000 do expect.equal(q:get()[1], i) end
expect.raises(":%d+: SimpleQueue: no argument expected", mm.SimpleQueue, 10)
expect.raises(":%d+: Queue: maxsize: a whole number", mm.Queue, -1)
expect.raises(":%d+: JoinableQueue: maxsize: a whole number", mm.JoinableQueue, "many")

-- It stays what it is when it travels.
local through = mm.Queue()
through:put({ q, mm.JoinableQueue(), through })
local got = through:get()
expect.truthy(tostring(got[1]):find("^SimpleQueue: "))
expect.truthy(tostring(got[2]):find("^JoinableQueue: "))
expect.truthy(tostring(got[3]):find("^Queue: "))
q:put("the same")
expect.equal(got[1]:get(), "the same")
got[2]:put(1)
got[2]:get()
got[2]:task_done()
