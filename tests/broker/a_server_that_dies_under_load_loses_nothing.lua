-- SPDX-License-Identifier: MIT
-- kill -9 of the server, five times, while two workers and a client are busy: each task has one outcome, its own. Then
-- what a server may lose on top: its scripts, connections, everything it had.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local TASKS = 6000
local server = broker.server("--appendfsync always")
for _ = 1, 2 do broker.worker(server, "jobs", "--slots 2 --lease 1") end
local pool = mm.Pool{ broker = server.url, name = "jobs", retries = 20 }
local outcomes, done, wrong = {}, 0, 0

local function disturb(count, what)
  local begun = mm.time()
  local times = 0
  local submitted, last = 0, nil
  outcomes, done = {}, 0
  while done < TASKS do
    if times < count and done >= (times + 0.5) * TASKS / count then
      times = times + 1
      what()
    end
    while submitted < TASKS * math.min(1, (times + 0.9) / math.max(1, count)) and submitted - done < 500 do
      submitted = submitted + 1
      local number = submitted
      last = pool:submit(function(x) return x * 2 end, number)
      last:on_done(function(future)
        done = done + 1
        outcomes[number] = (outcomes[number] or 0) + 1
        if future:get() ~= number * 2 then wrong = wrong + 1 end
      end)
    end
    last:wait(0.02)
    if last:ready() and done < TASKS then mm.sleep(0.06) end -- sleeping looks after pools, too
  end
  for number = 1, TASKS do expect.equal(outcomes[number], 1) end
  expect.equal(wrong, 0)
  expect.equal(times, count)
  if os.getenv("MM_VERBOSE") then print(mm.time() - begun, "seconds") end
end

disturb(5, function()
  server:kill()
  server:start()
end)
disturb(5, function() server:cli("script flush") end)
disturb(5, function() server:cli("client kill type normal") end)
disturb(3, function() server:cli("flushall") end)
disturb(2, function() server:cli("config set maxmemory 1mb") server:cli("config set maxmemory 0") end)
pool:close()
expect.equal(pool:join(expect.HANG), true)
expect.equal(server:cli("xlen 'manymoons:{jobs}:q'"), "0")
