-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

-- A task, a thread, an interpreter and a process of one program, in a ring.
local results, all_hold = mm.Queue(), mm.Barrier(4)

local function cross(first, second, hold, out)
  first:acquire()
  hold:wait()
  local ok, err = pcall(second.acquire, second)
  if ok then second:release() end
  first:release()
  out:put(ok and "fine" or err.kind)
end

local locks = { mm.Lock(), mm.RLock(), mm.Lock(), mm.RLock() }
local workers = {}
for i, world in ipairs{ "threads", "interpreters", "processes" } do
  workers[i] = mm.world(world).Process(cross, locks[i], locks[i + 1], all_hold, results)
  workers[i]:start()
end
mm.async.run(function()
  local task = mm.async.spawn(cross, locks[4], locks[1], all_hold, results)
  task:get()
end)
local counts = { fine = 0, deadlock = 0 }
for _ = 1, 4 do
  local result = results:get(expect.HANG)
  counts[result] = counts[result] + 1
end
expect.equal(counts, { fine = 3, deadlock = 1 })
for _, worker in ipairs(workers) do expect.truthy(worker:join(expect.HANG)) end
