-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Workers take, work and report, and are killed at any moment, with each start method: join always returns, and what
-- was done and what was abandoned is what was put.
local mm = require "manymoons"
local expect = require "expect"

math.randomseed(7)
local methods = { "fork", "spawn", "forkserver" }
local function serve(jobs, done)
  for n in jobs:iter() do
    done:put(n)
    jobs:task_done()
  end
end

local jobs, done = mm.JoinableQueue(), mm.Queue()
local workers = {}
local function hire(i)
  workers[i] = mm.Process({ target = serve, args = { jobs, done }, method = methods[math.random(3)] })
  workers[i]:start()
end
for i = 1, 3 do hire(i) end

for round = 1, 40 do
  for n = 1, 50 do jobs:put(round * 1000 + n) end
  mm.sleep(math.random() * 0.004)
  local victim = math.random(3)
  workers[victim]:kill()
  expect.equal((jobs:join(expect.HANG)), true, "round " .. round)
  workers[victim]:join()
  hire(victim)
  -- Nothing twice; missing is at most what the dead one had in its hands.
  local seen, count = {}, 0
  while true do
    local n = done:get_nowait()
    if not n then break end
    expect.equal(seen[n], nil, "doubled")
    seen[n], count = true, count + 1
  end
  expect.truthy(count >= 49 and count <= 50, "round " .. round .. ": " .. count .. " of 50 were done")
end
jobs:close()
for i = 1, 3 do workers[i]:join() end
