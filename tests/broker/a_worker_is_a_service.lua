-- SPDX-License-Identifier: MIT
-- variants: release
-- What operators meet: systemd hears when a worker is ready and ends, and its unit is right; /metrics, /healthz and
-- /readyz; lines of JSON, or words on a terminal; slots that grow with the load; a limit of memory; a rolling restart
-- loses nothing.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local q = broker.quote
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 0 }
local function result_of(id) return mm.result(server.url, id, expect.HANG) end

-- A service manager that writes down what it hears.
local said, socket, script = broker.file("notified"), broker.file("manager"), broker.file("manager.py")
local file = assert(io.open(script, "w"))
file:write([[
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
while True:
    with open(sys.argv[2], "a") as f: f.write(s.recv(4096).decode() + "\n")
]])
file:close()
broker.start("python3 " .. q(script) .. " " .. q(socket) .. " " .. q(said), broker.file("manager.log"))
broker.eventually("the manager listens", function() return os.rename(socket, socket) end)
local function has_said(text)
  return function() return (broker.read_file(said)):find(text, 1, true) end
end

local worker = broker.worker(server, "jobs", "--slots 1..4 --grace 60 --metrics 127.0.0.1:0",
  "NOTIFY_SOCKET=" .. q(socket) .. " WATCHDOG_USEC=100000")
broker.eventually("it is ready", has_said("READY=1"))
broker.eventually("it goes round", has_said("WATCHDOG=1\nWATCHDOG=1"))

-- JSON, with the same first words in each line.
for line in worker:said():gmatch("[^\n]+") do
  expect.truthy(line:find('^{"at":"%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%dZ","level":"%l+","event":"[%l ]+",'), line)
  expect.equal(type(mm._require("core.json").decode(line)), "table")
end

-- Metrics.
local address = worker:said():match('"metrics":"([%d.:]+)"')
local reader = broker.file("get.py")
file = assert(io.open(reader, "w"))
file:write([[
import sys, http.client
c = http.client.HTTPConnection(sys.argv[1], timeout=60)
c.request(sys.argv[3] if len(sys.argv) > 3 else "GET", sys.argv[2])
r = c.getresponse()
print(r.status, r.getheader("Content-Type"))
print(r.read().decode(), end="")
]])
file:close()
local function get(path, method)
  return broker.run("python3 " .. q(reader) .. " " .. address .. " " .. path .. " " .. (method or ""))
end
for _ = 1, 3 do expect.equal(result_of(pool:post("string:upper", { "x" })), "X") end
expect.equal((pcall(result_of, pool:post("string:rep", {}))), false)
local text = get("/metrics")
expect.truthy(text:find("^200 application/openmetrics%-text; version=1%.0%.0; charset=utf%-8\n"), text)
for _, line in ipairs({
  'manymoons_worker_tasks_total{pool="jobs",function="string:upper",outcome="done"} 3',
  'manymoons_worker_tasks_total{pool="jobs",function="string:rep",outcome="failed"} 1',
  'manymoons_worker_running_seconds_count{pool="jobs",function="string:upper"} 3',
  'manymoons_worker_waiting_seconds_bucket{pool="jobs",function="string:upper",le="+Inf"} 3',
  "# TYPE manymoons_worker_tasks counter", "# TYPE manymoons_worker_running_seconds histogram",
  'manymoons_worker_connected{pool="jobs"} 1',
}) do
  expect.truthy(text:find("\n" .. line .. "\n", 1, true), line .. " in\n" .. text)
end
expect.truthy(text:find("\n# EOF\n$"), "its end")
expect.equal(get("/healthz"), "200 text/plain\nok\n")
expect.equal(get("/readyz"), "200 text/plain\nready\n")
expect.equal(get("/healthz", "HEAD"), "200 text/plain\n")
expect.truthy(get("/nothing"):find("^404 "))
expect.truthy(get("/metrics", "POST"):find("^405 "))

-- A client that says nothing, or too much, keeps nobody waiting.
local silent = assert(io.popen("python3 -c " .. q("import socket,sys; "
  .. "s=socket.create_connection(sys.argv[1].split(':')); " .."s.sendall(b'GET /healthz'); "
  .. "print('open', flush=True); sys.stdin.read()") .. " " .. address .. " >" .. q(broker.file("silent")), "w"))
broker.eventually("it is connected", function() return broker.read_file(broker.file("silent")):find("open") end)
expect.equal(get("/healthz"), "200 text/plain\nok\n")
silent:close()

-- Four tasks that need each other run in one slot that became four.
local marks = broker.file("marks")
local function meet(path, count)
  local f = io.open(path, "a")
  f:write("here\n")
  f:close()
  while true do
    local here = 0
    for _ in io.lines(path) do here = here + 1 end
    if here >= count then return "met" end
    require("manymoons").sleep(0.01)
  end
end
local ids = {}
for i = 1, 4 do ids[i] = pool:post(meet, { marks, 4 }) end
for i = 1, 4 do expect.equal(result_of(ids[i]), "met") end
expect.truthy(worker:said():find('"event":"scaled","slots":4', 1, true), worker:said())

-- A rolling restart: what runs is finished, nothing is lost or run twice.
local runs = broker.file("runs")
local function note(path, n)
  require("manymoons").sleep(0.02)
  local f = io.open(path, "a")
  f:write(n, "\n")
  f:close()
  return n
end
for i = 1, 40 do ids[i] = pool:post(note, { runs, i }) end
broker.eventually("some have run", function() return #broker.lines(runs) > 3 end)
local second = broker.worker(server, "jobs", "--slots 2 --memory 64M")
worker:kill("TERM")
broker.eventually("the manager knows", has_said("STOPPING=1"))
for i = 1, 40 do expect.equal(result_of(ids[i]), i) end
worker:wait()
expect.equal(#broker.lines(runs), 40)

-- A task that takes too much memory fails, and the worker goes on.
local ok, err = pcall(result_of, pool:post(function() return #("x"):rep(2 ^ 30) end))
expect.truthy(not ok and tostring(err):find("memory", 1, true), tostring(err))
expect.equal(result_of(pool:post("string:upper", { "x" })), "X")
second:kill("TERM")
second:wait()

-- On a terminal: words.
local command = "exec " .. broker.program .. " worker " .. server.url .. " --pool jobs --slots 1"
local log = broker.file("typescript")
local pid = broker.start("script -qfec " .. q(command) .. " " .. q(log), broker.file("script.log"))
broker.eventually("words", function() return broker.read_file(log):find("%d%d:%d%d:%d%d started  abi=") end)
broker.kill(pid)

-- The unit.
if broker.run("command -v systemd-analyze") ~= "" then
  local top = os.getenv("MM_TOP") or "."
  local unit = broker.read_file(top .. "/packaging/systemd/manymoons@.service")
  expect.truthy(unit:find("Type=notify", 1, true) and unit:find("WatchdogSec=", 1, true), unit)
  local path = broker.file("manymoons@jobs.service")
  file = assert(io.open(path, "w"))
  file:write((unit:gsub("/usr/bin/manymoons", (broker.run("realpath " .. broker.program):gsub("%s+$", "")))))
  file:close()
  local verdict = broker.run("systemd-analyze verify --man=no " .. q(path))
  expect.truthy(not verdict:find("manymoons@", 1, true), verdict)
end
for words, why in pairs({
  ["--slots 4..2"] = "the smaller number first", ["--slots 0..2"] = "1 or more", ["--memory lots"] = "such as 512M",
  ["--metrics nowhere:99999"] = "--metrics: nowhere:99999",
}) do
  local output = broker.run(broker.program .. " worker " .. q(server.url) .. " --pool jobs " .. words)
  expect.truthy(output:find(why, 1, true), output)
end
pool:terminate()
