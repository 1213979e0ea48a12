-- SPDX-License-Identifier: MIT
-- worlds: processes interpreters
-- Tasks that wait for pools, queues of other worlds, locks and each other, while workers are killed and calls are
-- cancelled: each call has one outcome, and nothing hangs.
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

math.randomseed(23)
local ROUNDS, TASKS = 10, 30

local function work(n)
  if n % 7 == 0 then error("seven") end
  if n % 11 == 0 then mm.sleep(30) end
  mm.sleep(0.001 * (n % 3))
  return n
end

local outcomes = { ok = 0, error = 0, died = 0, timeout = 0, cancelled = 0 }

local function call(pool, n)
  local ok, err = pcall(function()
    local future = pool:submit(work, n)
    if n % 5 == 0 then
      mm.sleep(0)
      future:cancel()
    end
    return future:get()
  end)
  local kind = ok and "ok" or type(err) == "table" and err.kind
  expect.truthy(kind and outcomes[kind], "an outcome: " .. tostring(err))
  outcomes[kind] = outcomes[kind] + 1
end

local function feed(q, count)
  for i = 1, count do q:put(i) end
end

for round = 1, ROUNDS do
  local pool = mm.Pool({ workers = 3, name = "mixed" })
  local q, lock = mm.Queue(4), mm.Lock()
  local feeder = mm.Process(feed, q, 20)
  feeder:start()
  local taken, in_lock, most = 0, 0, 0
  async.run(function()
    async.group(function(group)
      for n = 1, TASKS do group:spawn(call, pool, round * 100 + n) end
      for _ = 1, 4 do
        group:spawn(function()
          for _ = 1, 5 do
            expect.truthy(q:get(expect.HANG))
            taken = taken + 1
            lock:with(function()
              in_lock = in_lock + 1
              most = math.max(most, in_lock)
              mm.sleep(0.0005)
              in_lock = in_lock - 1
            end)
          end
        end)
      end
      group:spawn(function()
        for _ = 1, 8 do -- a pool breaks when its workers only die
          mm.sleep(0.01)
          local stats = pool:stats()
          local victim = stats[math.random(math.max(1, #stats))]
          if mm.current_world() == "processes" and victim then
            os.execute("kill -9 " .. victim.pid .. " 2>/dev/null")
          end
        end
        for _ = 1, 200 do
          mm.sleep(0.01)
          local count = 0
          for _, kind in pairs(outcomes) do count = count + kind end
          if count == round * TASKS then return end
          if count >= round * TASKS - 6 then break end
        end
        pool:terminate() -- cancels the calls that still sleep
      end)
    end)
  end)
  expect.equal({ taken, most, in_lock }, { 20, 1, 0 })
  expect.equal(feeder:join(expect.HANG), true)
  pool:terminate()
  expect.equal(pool:join(expect.HANG), true)
end
local count = 0
for _, kind in pairs(outcomes) do count = count + kind end
expect.equal(count, ROUNDS * TASKS)
expect.truthy(outcomes.ok > 0 and outcomes.error > 0)
