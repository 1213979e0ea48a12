-- SPDX-License-Identifier: MIT
-- worlds: serial
local mm = require "manymoons"
local expect = require "expect"

expect.raises("Queue:get would wait for ever in the serial world", mm.Queue().get, mm.Queue())
local q = mm.Queue(1)
q:put(1)
expect.raises("Queue:put would wait for ever in the serial world", q.put, q, 2)
local a = mm.Pipe()
expect.raises("Connection:recv would wait for ever in the serial world", a.recv, a)
local j = mm.JoinableQueue()
j:put(1)
expect.raises("JoinableQueue:join would wait for ever in the serial world", j.join, j)
expect.raises(":%d+: wait: would wait for ever in the serial world", mm.wait, { mm.Queue() })
