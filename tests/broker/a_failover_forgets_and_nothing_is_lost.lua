-- SPDX-License-Identifier: MIT
-- variants: release asan
-- The server dies and a replica that was cut off before takes its place: what the dead one acknowledged in between is
-- forgotten. Each task has one outcome all the same. Then one that knows nothing at all takes over.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local TASKS = 4000

-- Ports that nobody has, for replicas need one.
local function free_port()
  local listener = mm.Listener("127.0.0.1:0")
  local port = listener.address:match(":(%d+)$")
  listener:close()
  return port
end

local function start_pair()
  local first_port, second_port = free_port(), free_port()
  local first = broker.server("--port " .. first_port .. " --repl-diskless-sync-delay 0")
  local second = broker.server("--port " .. second_port .. " --replicaof 127.0.0.1 " .. first_port)
  broker.eventually("the replica follows", function() return second:cli("info replication"):find("link_status:up") end)
  return first, second
end

-- The name that clients and workers know is a link, which moves.
local address = broker.file("current")
local function point_at(server)
  broker.run("ln -sfn " .. server.socket .. " " .. address .. ".new && mv -T " .. address .. ".new " .. address)
end

local function fail_over(is_empty, is_read_only)
  local first, second = start_pair()
  point_at(first)
  local name = "jobs" .. (is_empty and "e" or "") .. (is_read_only and "r" or "")
  local workers = {}
  for i = 1, 2 do workers[i] = broker.worker("unix://" .. address, name, "--slots 2 --lease 1") end
  local pool = mm.Pool{ broker = "unix://" .. address, name = name, retries = 20 }
  local outcomes, done, submitted, step, last = {}, 0, 0, 0, nil
  while done < TASKS do
    while submitted < TASKS * (step + 1) / 3 and submitted - done < 300 do
      submitted = submitted + 1
      local number = submitted
      last = pool:submit(function(x) return x * 2 end, number)
      last:on_done(function(future)
        done = done + 1
        outcomes[number] = (outcomes[number] or 0) + 1
        expect.equal(future:get(), number * 2)
      end)
    end
    last:wait(0.02)
    if last:ready() and done < TASKS then mm.sleep(0.06) end
    if step == 0 and done > TASKS / 6 then
      step = 1
      second:cli(is_read_only and "ping" or "replicaof no one") -- from here on it hears nothing any more
      if is_empty then second:cli("flushall") end
    elseif step == 1 and done > TASKS / 2 then
      step = 2
      first:kill()
      point_at(second)
      if is_read_only then
        local until_time = mm.time() + 0.5
        while mm.time() < until_time do last:wait(0.05) end
        second:cli("replicaof no one")
      end
    end
  end
  for number = 1, TASKS do expect.equal(outcomes[number], 1) end
  expect.equal(step, 2)
  pool:close()
  expect.equal(pool:join(expect.HANG), true)
  for _, worker in ipairs(workers) do
    worker:kill("TERM")
    worker:wait()
  end
end

fail_over(false, false)
fail_over(true, false)
fail_over(false, true)
