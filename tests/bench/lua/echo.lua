-- SPDX-License-Identifier: MIT
-- Round trips of a small integer to a worker and back. Usage: echo.lua queue|pipe awake|asleep COUNT
--
-- Awake, one follows the other, and the time is the mean. Asleep, there is a millisecond between them, in which the
-- worker falls asleep, and the time is the median.
local mm = require("manymoons")

local kind, mode, count = arg[1], arg[2], tonumber(arg[3])

local function answer_queue(requests, answers)
  local get, put = requests.get, answers.put
  while true do
    local value = get(requests)
    put(answers, value)
    if value == 0 then return end
  end
end

local function answer_pipe(connection)
  local recv, send = connection.recv, connection.send
  while true do
    local value = recv(connection)
    send(connection, value)
    if value == 0 then return end
  end
end

-- A function that sends a value to the worker and returns what comes back.
local function start_queue()
  local requests, answers = mm.Queue(), mm.Queue()
  local worker = mm.Process(answer_queue, requests, answers)
  worker:start()
  local put, get = requests.put, answers.get
  return function(value)
    put(requests, value)
    return get(answers)
  end, worker
end

local function start_pipe()
  local here, there = mm.Pipe()
  local worker = mm.Process(answer_pipe, there)
  worker:start()
  local send, recv = here.send, here.recv
  return function(value)
    send(here, value)
    return recv(here)
  end, worker
end

local function time_awake(echo)
  local start = mm.time()
  for i = 1, count do echo(i) end
  return (mm.time() - start) / count
end

local function time_asleep(echo)
  local times = {}
  for i = 1, count do
    mm.sleep(0.001)
    local start = mm.time()
    echo(i)
    times[i] = mm.time() - start
  end
  table.sort(times)
  return times[math.ceil(count / 2)]
end

local echo, worker = (kind == "queue" and start_queue or start_pipe)()
for i = 1, math.min(count, 100) do echo(i) end
local seconds = (mode == "awake" and time_awake or time_asleep)(echo)
echo(0)
worker:join()
print("time", seconds * 1e6, "us")
