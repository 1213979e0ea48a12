-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local a, b = mm.Pipe()
expect.equal(a:send({ x = 1 }), true)
expect.equal(b:poll(), true)
expect.equal(b:recv(), { x = 1 })
b:send_bytes("raw\0bytes")
expect.raises("recv_bytes", a.recv, a)
expect.equal(a:recv_bytes(), "raw\0bytes")
a:send(1)
expect.raises("recv", b.recv_bytes, b)
expect.equal(b:recv(), 1)
local receiver, sender = mm.Pipe(false)
sender:send("one way")
expect.equal(receiver:recv(), "one way")
expect.raises("only receives", receiver.send, receiver, 1)
expect.raises("only sends", sender.recv, sender)
sender:send("last")
sender:close()
expect.equal(receiver:recv(), "last")
expect.equal(receiver:poll(), true)
expect.equal({ receiver:recv() }, { nil, "closed" })
