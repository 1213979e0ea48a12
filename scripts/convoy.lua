-- SPDX-License-Identifier: MIT
-- The convoy effect: an echo server beside 0 to 4 workers that only compute. How long does a round trip take?
--
--   manymoons --world threads scripts/convoy.lua [seconds for each number of spinners [one number of spinners]]
--   MANYMOONS_GIL=legacy manymoons --world threads scripts/convoy.lua
--   manymoons compare --worlds threads,interpreters --html convoy.html scripts/convoy.lua 0.1
--
-- The server and the spinners are workers of the default world, so with `threads` they share one lock. The client is a
-- separate process that pauses for half a millisecond between two requests. A sleeper sleeps for a millisecond at a
-- time. The figures go to stderr, so that the output is the same in all worlds. The serial world cannot run this
-- script: nothing runs in parallel there. tests/bench/python/convoy.py is the same program in Python.
local mm = require "manymoons"

local seconds = tonumber(arg and arg[1]) or 1
local only = tonumber(arg and arg[2]) -- prints one figure on each line, for programs that compare them
local think = 0.0005

if mm.current_world() == "serial" then
  io.stderr:write("convoy.lua: a server and its client must run at the same time: use any world but serial\n")
  os.exit(1)
end

-- Tasks are not preempted: in the world async a spinner has to yield by itself.
local gives_way = mm.current_world() == "async"

local function spin(go_on, report)
  local rounds, x = 0, 0
  while go_on:empty() do
    for i = 1, 10000 do x = x + i % 7 end
    rounds = rounds + 1
    if gives_way then mm.sleep(0) end
  end
  report:put(rounds)
end

local function echo(connection)
  while true do
    local text = connection:recv_bytes()
    if not text then return end
    connection:send_bytes(text)
  end
end

local function sleep_often(go_on, report)
  local late, naps = 0, 0
  while go_on:empty() do
    local before = mm.time()
    mm.sleep(0.001)
    late, naps = late + (mm.time() - before - 0.001), naps + 1
  end
  report:put(late / naps)
end

local function ask(connection, duration, report)
  local times, now, stop = {}, mm.time(), mm.time() + duration
  while now < stop do
    connection:send_bytes("ping")
    connection:recv_bytes()
    local after = mm.time()
    times[#times + 1] = after - now
    mm.sleep(think)
    now = mm.time()
  end
  table.sort(times)
  local n = #times
  report:put({ n = n, median = times[math.ceil(n / 2)], p99 = times[math.ceil(n * 0.99)] })
end

local function run(spinners)
  local go_on, report, answer = mm.Queue(), mm.Queue(), mm.processes.Queue()
  local here, there = mm.processes.Pipe()
  local workers = { mm.Process(echo, here), mm.Process(sleep_often, go_on, report) }
  for _ = 1, spinners do workers[#workers + 1] = mm.Process(spin, go_on, report) end
  local client = mm.processes.Process(ask, there, seconds, answer)
  client:start()
  there:close()
  for _, worker in ipairs(workers) do worker:start() end
  local result = answer:get()
  go_on:put("stop")
  local rounds, late = 0, nil
  for _ = 1, spinners + 1 do
    local value = report:get()
    if value >= 1 then rounds = rounds + value else late = value end
  end
  client:join()
  for _, worker in ipairs(workers) do worker:join() end
  here:close()
  return result, rounds / seconds, late
end

if only then
  local result, rate, late = run(only)
  print(string.format("median %.1f us\np99 %.1f us\nrate %.1f 1/s\nspinning %.1f 1/s\nlate %.1f us",
    result.median * 1e6, result.p99 * 1e6, result.n / seconds, rate, late * 1e6))
  return
end

io.stderr:write("spinners  requests/s  median ms    p99 ms  spinning 1/s  sleeper late ms\n")
for _, spinners in ipairs({ 0, 1, 2, 4 }) do
  local result, rate, late = run(spinners)
  io.stderr:write(string.format("%8d  %10.0f  %9.3f  %8.3f  %12.0f  %15.3f\n", spinners, result.n / seconds,
    result.median * 1e3, result.p99 * 1e3, rate, late * 1e3))
end
print("each request was answered")
