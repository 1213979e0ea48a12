-- SPDX-License-Identifier: MIT
-- variants: release asan
-- A task that takes its whole daemon with it, each time: after retries + 1 starts its caller is told, it is a dead
-- letter, and the pool works on.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local function start() return broker.worker(server, "jobs", "--slots 1 --lease 0.6") end
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 2 }
local runs = broker.file("runs")
local future = pool:submit(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  local stat = io.open("/proc/self/stat")
  local pid = stat:read("*n")
  stat:close()
  os.execute("kill -9 " .. math.floor(pid))
end, runs)
local workers = {}
for i = 1, 3 do
  workers[i] = start()
  broker.eventually("run " .. i, function() return #broker.lines(runs) == i end)
  workers[i]:wait()
end
start()
local ok, err = pcall(future.get, future, expect.HANG)
expect.equal(ok, false)
expect.equal(err.kind, "died")
expect.equal(#broker.lines(runs), 3)
expect.equal(pool:apply(function() return "fine" end), "fine")
local dead = pool:dead()
expect.equal(#dead, 1)
expect.truthy(dead[1].why:find("lost 3 times"), dead[1].why)
expect.truthy(broker.run(broker.program .. " pool " .. server.url .. " jobs --dead"):find(dead[1].id, 1, true),
  "listed")
-- A worker's own processes may die, too: that is seen at once.
broker.worker(server, "two", "--slots 1 --processes")
local two = mm.Pool{ broker = server.url, name = "two", retries = 1 }
runs = broker.file("runs2")
local poison = two:submit(function(path)
  local file = io.open(path, "a")
  file:write("run\n")
  file:close()
  os.exit(3)
end, runs)
ok, err = pcall(poison.get, poison, expect.HANG)
expect.equal(ok, false)
expect.equal(err.kind, "died")
expect.equal(#broker.lines(runs), 2)
expect.equal(two:apply(function() return "fine" end), "fine")
-- What was given up runs again when somebody says so; nobody waits for its result.
expect.equal(#two:dead(), 1)
expect.equal(two:retry(two:dead()[1].id), true)
broker.eventually("it runs again", function() return #broker.lines(runs) == 4 end)
broker.eventually("and is dead again", function() return #two:dead() == 1 end)
expect.equal(two:retry("1-1"), nil)
