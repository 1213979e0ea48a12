-- SPDX-License-Identifier: MIT
-- SIGSTOP of a worker for some leases: its task runs elsewhere; when it goes on, it learns that, and the caller has one
-- result.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local frozen = broker.worker(server, "jobs", "--slots 1 --lease 0.6")
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local runs, go, results = broker.file("runs"), broker.file("go"), 0
local future = pool:submit(function(path, gate)
  local sleep = require("manymoons").sleep
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  while true do
    local open = io.open(gate)
    if open then
      open:close()
      return "done"
    end
    sleep(0.02)
  end
end, runs, go)
future:on_done(function() results = results + 1 end)
broker.eventually("the task runs", function() return #broker.lines(runs) == 1 end)
frozen:kill("STOP")
local other = broker.worker(server, "jobs", "--slots 1 --lease 0.6")
broker.eventually("it runs elsewhere", function() return #broker.lines(runs) == 2 end)
frozen:kill("CONT")
broker.eventually("the first one learns that", function() return frozen:said():find('"lost"') end)
assert(io.open(go, "w")):close()
expect.equal(future:get(expect.HANG), "done")
-- both take tasks again
local futures = {}
for i = 1, 20 do
  futures[i] = pool:submit(function(x)
    require("manymoons").sleep(0.05)
    return x
  end, i)
end
for i = 1, 20 do expect.equal(futures[i]:get(expect.HANG), i) end
expect.equal(results, 1)
for _, worker in ipairs({ frozen, other }) do
  worker:kill("TERM")
  worker:wait()
end
expect.equal(server:cli("xlen 'manymoons:{jobs}:q'"), "0")
