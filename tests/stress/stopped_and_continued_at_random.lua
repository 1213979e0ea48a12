-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Producers and consumers are stopped (SIGSTOP) and continued at random, also while they hold a lock of the queue. No
-- message is lost or doubled, each producer's messages keep their order, and bounds hold. While all consumers are
-- stopped, the producers fill the queue and wait.
local mm = require "manymoons"
local expect = require "expect"

local COUNT, BIG = 10000, 20000
local methods = { "fork", "spawn", "forkserver" }

local function signal(name, pids)
  if #pids > 0 then os.execute("kill -" .. name .. " " .. table.concat(pids, " ") .. " 2>/dev/null") end
end

-- A stopped worker may hold a lock that others wait for, so a process that does not use the queue continues it.
local function stop_at_random(pids, finish)
  math.randomseed(5)
  repeat
    local victims = {}
    for _, pid in ipairs(pids) do
      if math.random(2) == 1 then victims[#victims + 1] = pid end
    end
    signal("STOP", victims)
    mm.sleep(math.random() * 0.003)
    signal("CONT", victims)
  until finish:get(math.random() * 0.003)
end

local function wait_until_asleep(pids)
  for _, pid in ipairs(pids) do
    repeat
      local file = assert(io.open("/proc/" .. pid .. "/stat"))
      local state = file:read("*a"):match("%) (%a)")
      file:close()
    until state == "S" or mm.sleep(0.001)
  end
end

local function size_of(n) return n % 50 == 0 and BIG or n % 100 end

local function produce(who, go, q)
  go:get()
  for n = 1, COUNT do q:put({ who, n, ("x"):rep(size_of(n)) }) end
end

local function consume(q, out, ready)
  ready:put(true)
  for value in q:iter() do out:send(value) end
end

local function run(bound)
  local q, go, ready, finish = mm.Queue(bound), mm.Queue(), mm.Queue(), mm.Queue()
  local pipes, workers, producers, consumers, pids = {}, {}, {}, {}, {}
  for i = 1, 3 do
    local there
    pipes[i], there = mm.Pipe()
    workers[i] = mm.Process({ method = methods[i], target = produce, args = { i, go, q } })
    workers[i + 3] = mm.Process({ method = methods[i], target = consume, args = { q, there, ready } })
    workers[i]:start()
    workers[i + 3]:start()
    producers[i], consumers[i] = workers[i].pid, workers[i + 3].pid
    pids[i], pids[i + 3] = producers[i], consumers[i]
    there:close()
  end

  for _ = 1, 3 do ready:get() end
  wait_until_asleep(consumers)
  signal("STOP", consumers)
  for _ = 1, 3 do go:put(true) end
  if bound > 0 then
    while not q:full() do mm.sleep(0.001) end
    wait_until_asleep(producers)
    expect.equal(q:qsize(), bound)
    expect.equal({ q:put_nowait("no") }, { nil, "full" })
  end
  signal("CONT", consumers)

  local stopper = mm.Process({ method = "fork", target = stop_at_random, args = { pids, finish } })
  stopper:start()
  -- Each consumer has its messages of each producer in order; each consumer has a pipe of its own to this process.
  local last, count = { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } }, 0
  while count < 3 * COUNT do
    local ready_ones = mm.wait(pipes, expect.HANG)
    expect.truthy(#ready_ones > 0, "somebody is stuck")
    for i = 1, 3 do
      local value = pipes[i]:poll(0) and pipes[i]:recv()
      if value then
        local who, n = value[1], value[2]
        expect.truthy(n > last[i][who], "out of order, or twice")
        expect.equal(#value[3], size_of(n), "torn")
        last[i][who], count = n, count + 1
      end
    end
    if bound > 0 then expect.truthy(q:qsize() <= bound) end
  end
  expect.equal(q:qsize(), 0)
  q:close()
  finish:put(true)
  stopper:join()
  for i = 1, 6 do
    expect.equal(workers[i]:join(expect.HANG), true)
    expect.equal(workers[i].exitcode, 0)
  end
  expect.equal(count, 3 * COUNT)
  for i = 1, 3 do expect.equal({ pipes[i]:recv() }, { nil, "closed" }) end
end

run(1)
run(40)
run(0)
