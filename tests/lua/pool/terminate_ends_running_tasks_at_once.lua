-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- variants: release debug asan
local mm = require "manymoons"
if mm.current_world() == "threads" and not mm.gil().preemptible then return end -- the task would never give way
local expect = require "expect"

local pool = mm.Pool(2)
local started = mm.Queue()
local endless = pool:submit(function()
  started:put(true)
  while true do end
end)
started:get()
pool:terminate()
pool:join()
local err = expect.raises("terminated", endless.get, endless)
expect.equal(err.kind, "cancelled")
pool:terminate()
