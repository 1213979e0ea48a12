-- SPDX-License-Identifier: MIT
-- kill -9 of a worker in the middle of a task: the task runs elsewhere, and gives one result.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local LEASE = 1
local server = broker.server()
local first = broker.worker(server, "jobs", "--slots 1 --lease " .. LEASE)
local pool = mm.Pool{ broker = server.url, name = "jobs" }
local runs, results = broker.file("runs"), 0
local future = pool:submit(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  local sleep = require("manymoons").sleep
  sleep(0.3)
  return "done"
end, runs)
future:on_done(function() results = results + 1 end)
broker.eventually("the task runs", function() return #broker.lines(runs) == 1 end)
first:kill()
local second = broker.worker(server, "jobs", "--slots 1 --lease " .. LEASE)
expect.equal(future:get(expect.HANG), "done")
expect.equal(#broker.lines(runs), 2)
expect.equal(results, 1)
expect.truthy(second:said():find("requeued"), "who took it over says so")
pool:terminate()
