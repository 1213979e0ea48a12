-- SPDX-License-Identifier: MIT
-- Tasks of one thread. Usage: tasks.lua sleep|memory|switch COUNT, tasks.lua server
--
--   sleep    COUNT tasks that sleep for a second: the time until all have
--   memory   the same: the memory of each
--   switch   a task yields to another one: the time of one switch
--   server   an echo server for load.c, with a task for each connection, by luasocket
local mm = require("manymoons")
local async = mm.async

local mode, count = arg[1], tonumber(arg[2])

local function sleep() mm.sleep(1) end

local function sleep_together()
  local tasks = {}
  for i = 1, count do tasks[i] = async.spawn(sleep) end
  return tasks
end

local function resident_kib()
  for line in io.lines("/proc/self/status") do
    local kib = line:match("^VmRSS:%s*(%d+)")
    if kib then return tonumber(kib) end
  end
end

local modes = {}

function modes.sleep()
  local start = mm.time()
  async.gather(sleep_together())
  print("time", mm.time() - start, "s")
end

function modes.memory()
  local before = resident_kib()
  local tasks = sleep_together()
  mm.sleep(0.5)
  collectgarbage()
  print("memory", (resident_kib() - before) / count, "KiB")
  async.gather(tasks)
end

local function give_way(times)
  for _ = 1, times do mm.sleep(0) end
end

function modes.switch()
  local tasks, start = {}, mm.time()
  for i = 1, 10 do tasks[i] = async.spawn(give_way, count / 10) end
  async.gather(tasks)
  print("time", (mm.time() - start) / count * 1e6, "us")
end

local wait_fd = async.wait_fd

local function echo(client)
  client:settimeout(0)
  client:setoption("tcp-nodelay", true)
  while true do
    if not client:dirty() then wait_fd(client) end -- dirty: luasocket has bytes in its buffer
    local text, why = client:receive(64)
    if text then client:send(text) elseif why ~= "timeout" then return client:close() end
  end
end

function modes.server()
  local server = assert(require("socket").bind("127.0.0.1", 0, 1024))
  server:settimeout(0)
  print((select(2, server:getsockname())))
  io.stdout:flush()
  while true do
    local client = server:accept()
    if client then async.spawn(echo, client) else async.wait_fd(server) end
  end
end

async.run(modes[mode])
