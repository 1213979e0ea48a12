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
local before = mm.time()
expect.equal({ here:recv() }, { nil, "closed" })
expect.truthy(mm.time() - before < 2, "end of file took long")
p:join()
