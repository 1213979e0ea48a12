-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- A connection can be sent at any time: as an argument, through a queue, through another connection.
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
local here, there = mm.Pipe()
local p = mm.Process(function()
  local conn = q:get()
  local inner_here, inner_there = mm.Pipe()
  conn:send(inner_there)
  inner_there:close()
  expect.equal(inner_here:recv(), "through the inner one")
  inner_here:send_bytes(("b"):rep(100000))
  conn:recv()
end)
p:start()
q:put(there)
there:close()
local inner = here:recv()
inner:send("through the inner one")
expect.equal(#inner:recv_bytes(), 100000)
here:send("done")
p:join()
expect.equal(p.exitcode, 0)
expect.equal({ inner:recv() }, { nil, "closed" })
expect.equal({ here:recv() }, { nil, "closed" })
