-- SPDX-License-Identifier: MIT
-- A task that computes for many leases, without a pause, keeps its lease: it runs once.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()

-- Whether the lease was kept. On a busy machine the daemon itself may come too late, and says so: then twice the lease
-- is tried.
local function keeps(lease)
  local name = "jobs" .. lease
  local workers, runs = {}, broker.file("runs" .. lease)
  for i = 1, 2 do workers[i] = broker.worker(server, name, "--slots 1 --lease " .. lease) end
  local pool = mm.Pool{ broker = server.url, name = name, retries = 20 }
  local future = pool:submit(function(path, seconds)
    local file = io.open(path, "a")
    file:write("run\n")
    file:close()
    local time = require("manymoons").time
    local stop = time() + seconds
    local n = 0
    while time() < stop do n = n + 1 end
    return "done"
  end, runs, 5 * lease)
  expect.equal(future:get(expect.HANG), "done")
  pool:terminate()
  for i = 1, 2 do
    if workers[i]:said():find('"lost"') or workers[i]:said():find("requeued") then return false end
  end
  expect.equal(#broker.lines(runs), 1)
  return true
end
local lease = 0.5
while not keeps(lease) do lease = 2 * lease end
