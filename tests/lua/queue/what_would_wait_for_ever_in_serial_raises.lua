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
