-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local here, there = mm.Pipe()
local p = mm.Process(function(conn)
  while true do
    local v, why = conn:recv()
    if not v then return conn:close() end
    if why then error(why) end
    conn:send({ v, v })
  end
end, there)
p:start()
there:close()
for i = 1, 100 do
  here:send(i)
  expect.equal(here:recv(), { i, i })
end
expect.equal(here:poll(), false)
expect.equal({ here:recv(0.01) }, { nil, "timeout" })
here:close()
here:close()
expect.equal(p:join(expect.HANG), true)
expect.raises("Connection: used after close", here.send, here, 1)
