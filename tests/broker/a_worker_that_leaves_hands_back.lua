-- SPDX-License-Identifier: MIT
-- SIGTERM: what runs is finished within the grace, what does not is handed back, which is no loss; the worker is gone
-- from the registry. A second one: at once.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 0 }
local first = broker.worker(server, "jobs", "--slots 1 --lease 20")
local runs = broker.file("runs")
local function task(path, seconds)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  require("manymoons").sleep(seconds)
  return "done"
end
local quick = pool:submit(task, runs, 0.3)
broker.eventually("it runs", function() return #broker.lines(runs) == 1 end)
first:kill("TERM")
local waits = pool:submit(task, runs, 0)
expect.equal(quick:get(expect.HANG), "done")
first:wait()
expect.equal(waits:ready(), false)
expect.equal(server:cli("zcard 'manymoons:{jobs}:w'"), "0")

local second = broker.worker(server, "jobs", "--slots 1 --lease 20 --grace 0.1")
expect.equal(waits:get(expect.HANG), "done")
local long = pool:submit(task, runs, 60)
broker.eventually("it runs", function() return #broker.lines(runs) == 3 end)
second:kill("TERM")
second:wait()
expect.truthy(second:said():find("handed back"), second:said())
expect.equal(server:cli("zcard 'manymoons:{jobs}:w'"), "0")

local third = broker.worker(server, "jobs", "--slots 1 --lease 20 --grace 1000")
broker.eventually("it runs again, though it may be lost no time", function() return #broker.lines(runs) == 4 end)
third:kill("TERM")
broker.eventually("it waits", function() return third:said():find('"leaving"') end)
third:kill("TERM")
third:wait()
expect.equal(long:ready(), false)
expect.equal(long:cancel(), true)
pool:terminate()
