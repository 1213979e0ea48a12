-- SPDX-License-Identifier: MIT
-- Redis servers, workers and all else that tests of brokers need, on this machine, ended with the test. Each server has
-- a folder of its own with a Unix socket in it, and a port if the test asks for one.
local mm = require "manymoons"
local expect = require "expect"

local broker = {}

broker.program = (os.getenv("MM_BUILD") or "build/release") .. "/manymoons"

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end
broker.quote = quote

local function run(command)
  local pipe = assert(io.popen(command .. " 2>&1"))
  local text = pipe:read("*a")
  return text, pipe:close()
end
broker.run = run

local function output(command) return (run(command):gsub("%s+$", "")) end

-- Waits until f returns a true value. Only sleeps longer than 0.05 s maintain pools, which may have tasks to send
-- again.
function broker.eventually(what, f)
  local deadline = mm.time() + expect.HANG
  while true do
    local value = f()
    if value then return value end
    if mm.time() > deadline then error("this did not come about: " .. what, 2) end
    mm.sleep(0.06)
  end
end

if output("command -v redis-server") == "" then
  io.stderr:write("SKIPPED: there is no redis-server\n")
  os.exit(77)
end

local folder = output("mktemp -d /tmp/mm-broker.XXXXXX") -- short: the name of a Unix socket has 107 bytes
-- A watcher ends the test's processes, however the test ends: its standard input closes with the test.
local watcher = assert(io.popen("while read -r line; do commands=\"$commands $line;\"; done; { eval \"$commands\"; } "
  .. ">/dev/null 2>&1; rm -rf " .. quote(folder), "w"))
watcher:setvbuf("line")
function broker.at_end(command) watcher:write(command, "\n") end

function broker.start(command, log)
  local pid = tonumber(output(string.format("{ %s </dev/null >%s 2>&1 & echo $!; }", command, quote(log))))
  broker.at_end("kill -9 " .. pid)
  return pid
end

function broker.kill(pid, signal) run("kill -" .. (signal or "9") .. " " .. pid) end

function broker.is_alive(pid)
  local file = io.open("/proc/" .. pid .. "/stat")
  if not file then return false end
  local state = file:read("*a"):match("%) (%a)")
  file:close()
  return state ~= "Z"
end

local function read_file(path)
  local file = io.open(path)
  local text = file and file:read("*a") or ""
  if file then file:close() end
  return text
end

-- Servers -------------------------------------------------------------------------------------------------------------

local Server = {}
Server.__index = Server
local servers = 0

-- options: further words for redis-server; prefix: of the command (ip netns exec …)
function broker.server(options, prefix)
  servers = servers + 1
  local self = setmetatable({ folder = folder .. "/server" .. servers, options = options or "", prefix = prefix or "" },
    Server)
  run("mkdir -p " .. self.folder)
  self.socket = self.folder .. "/socket"
  self.url = "unix://" .. self.socket
  self:start()
  return self
end

function Server.start(self)
  self.pid = broker.start(string.format("%s redis-server --port 0 --unixsocket %s --dir %s --save '' --appendonly yes "
    .. "--appendfsync everysec --loglevel notice %s", self.prefix, self.socket, self.folder, self.options),
    self.folder .. "/log")
  broker.eventually("the server answers\n" .. read_file(self.folder .. "/log"),
    function() return self:cli("ping"):find("PONG") end)
end

function Server.kill(self)
  broker.kill(self.pid)
  broker.eventually("the server is dead", function() return not broker.is_alive(self.pid) end)
end

function Server.cli(self, words) return output("redis-cli -s " .. self.socket .. " " .. words) end

-- Workers -------------------------------------------------------------------------------------------------------------

local Worker = {}
Worker.__index = Worker
local workers = 0

-- options: further words for `manymoons worker`. The worker has started when this returns.
function broker.worker(server, pool, options, prefix)
  workers = workers + 1
  local self = setmetatable({ log = folder .. "/worker" .. workers }, Worker)
  local url = type(server) == "table" and server.url or server
  self.pid = broker.start(string.format("%s %s worker %s --pool %s %s", prefix or "", broker.program, quote(url), pool,
    options or ""), self.log)
  broker.eventually("the worker starts", function()
    if self:said():find('"started"') then return true end
    if not broker.is_alive(self.pid) then error("the worker ended: " .. self:said(), 0) end
  end)
  return self
end

function Worker.said(self) return read_file(self.log) end

function Worker.kill(self, signal)
  broker.kill(self.pid, signal)
end

function Worker.wait(self)
  broker.eventually("the worker ends: " .. self:said(), function() return not broker.is_alive(self.pid) end)
end

-- A file into which each task writes a whole line, for the test to read.
function broker.file(name) return folder .. "/" .. name end
-- A file that its owner alone can read, with the text and a newline: its path.
function broker.secret_file(name, text)
  local path = broker.file(name)
  local file = assert(io.open(path, "w"))
  file:write(text, "\n")
  file:close()
  run("chmod 600 " .. path)
  return path
end
broker.read_file = read_file

function broker.lines(path)
  local list = {}
  for line in read_file(path):gmatch("[^\n]+") do list[#list + 1] = line end
  return list
end

return broker
