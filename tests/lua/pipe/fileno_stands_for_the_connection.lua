-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local here, there = mm.Pipe()
local fd = here:fileno()
expect.equal(type(fd), "number")
expect.equal(here:fileno(), fd)
there:send("x")
there:send("y")
expect.equal(here:recv(), "x")
expect.equal(here:recv(), "y")
expect.equal(here:poll(), false)
local receiver, sender = mm.Pipe(false)
expect.truthy(receiver:fileno() ~= fd, "one descriptor for each")
expect.raises("only sends", sender.fileno, sender)
here:close()
expect.raises("used after close", here.fileno, here)
