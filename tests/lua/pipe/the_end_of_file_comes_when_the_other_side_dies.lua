-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local here, there = mm.Pipe()
local p = mm.Process(function(conn)
  conn:send("alive")
  while true do mm.sleep(100) end
end, there)
p:start()
there:close()
expect.equal(here:recv(), "alive")
p:kill()
expect.equal({ here:recv() }, { nil, "closed" })
p:join()
