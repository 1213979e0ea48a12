-- SPDX-License-Identifier: MIT
-- A task that computes for many leases, without a pause, keeps its lease: it runs once.
local mm = require "manymoons"
local engine = require "engine"
local expect = require "expect"

local server = engine.server()
for _ = 1, 2 do engine.worker(server, "jobs", "--slots 1 --lease 0.5") end
local pool = mm.Pool{ engine = server.url, name = "jobs" }
local runs = engine.file("runs")
local future = pool:submit(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  local time = require("manymoons").time
  local stop = time() + 2.5
  local n = 0
  while time() < stop do n = n + 1 end
  return "done"
end, runs)
expect.equal(future:get(30), "done")
expect.equal(#engine.lines(runs), 1)
pool:terminate()
