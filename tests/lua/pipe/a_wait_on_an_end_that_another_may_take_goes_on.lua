-- SPDX-License-Identifier: MIT
-- recv without a timeout is refused where the waiter alone has the other end, and nowhere else: a worker may have got
-- it as an argument, in a message, or as a global that it uses late. When the last of them has ended it is refused.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
if world == "serial" then return end -- where no other caller runs meanwhile

local function run(f, ...)
  local p = mm.Process(f, ...)
  p:start()
  return p
end

local here, there = mm.Pipe()

late = there -- luacheck: ignore
local p = run(function() late:send("as a global") end) -- luacheck: ignore
expect.equal(here:recv(), "as a global")
p:join()
late = nil -- luacheck: ignore

local up = run(function() there:send("as an upvalue") end)
expect.equal(here:recv(), "as an upvalue")
up:join()

local near, far = mm.Pipe()
local queue = mm.Queue()
local carried = run(function(q) q:get():send("in a message") end, queue)
queue:put(far)
expect.equal(near:recv(), "in a message")
carried:join()

local mine, given = mm.Pipe()
local taken = run(function(c) c:send("as an argument") end, given)
expect.equal(mine:recv(), "as an argument")
local err = expect.raises("would wait for ever", mine.recv, mine) -- also if the worker has not ended yet
expect.equal(err.kind, "deadlock", tostring(err))
expect.truthy(given, "the other end is open")
taken:join()
