-- SPDX-License-Identifier: MIT
-- Tasks that sleep and tasks that compute, mixed: which world serves which mixture?
--
--   manymoons compare scripts/waiting_and_computing.lua [share]
--
-- `share` is the part of a task's time in which it computes: 0 (it only waits, as for a network), 0.5, or 1. Default:
-- all three.
local mm = require "manymoons"

local tasks, length = 16, 0.02 -- seconds

-- How many rounds of the loop take a second: measured, because machines differ.
local function compute(rounds)
  local x = 0
  for i = 1, rounds do x = x + i % 7 end
  return x
end

local function calibrate()
  local rounds, took = 1e5, 0
  while took < 0.01 do
    rounds = rounds * 2
    local before = os.clock()
    compute(rounds)
    took = os.clock() - before
  end
  return rounds / took
end

local per_second = calibrate()

local function task(share)
  mm.sleep(length * (1 - share))
  compute(math.floor(per_second * length * share))
  return 1
end

local shares = tonumber(arg and arg[1]) and { tonumber(arg[1]) } or { 0, 0.5, 1 }
local pool = mm.Pool(4)
for _, share in ipairs(shares) do
  local list = {}
  for i = 1, tasks do list[i] = share end
  local done = 0
  for _, one in ipairs(pool:map(task, list, { chunksize = 1 })) do done = done + one end
  assert(done == tasks)
  print(string.format("%d tasks that compute for %3.0f %% of their time are done", tasks, share * 100))
end
pool:close()
pool:join()
