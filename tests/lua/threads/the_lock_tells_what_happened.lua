-- SPDX-License-Identifier: MIT
-- worlds: threads
-- variants: release debug asan
local mm = require "manymoons"
local expect = require "expect"

local gil = mm.gil()
expect.equal(gil.threads, 1)
expect.equal(gil.schedule, os.getenv("MANYMOONS_GIL") or "fair")
expect.equal(mm.getswitchinterval(), 0.005)
mm.setswitchinterval(0.001)
expect.equal(mm.getswitchinterval(), 0.001)
expect.raises("setswitchinterval: a number of seconds above 0 expected, got 0", mm.setswitchinterval, 0)
expect.raises("setswitchinterval: .* got soon", mm.setswitchinterval, "soon")
expect.raises("gil: schedule: 'fair' or 'legacy' expected, got new", mm.gil, { schedule = "new" })
expect.raises("gil: unknown option 'interval'", mm.gil, { interval = 1 })
expect.equal(mm.gil({ schedule = "legacy" }).schedule, "legacy")
expect.equal(mm.gil({ schedule = "fair" }).schedule, "fair")

local function work()
  local x = 0
  for i = 1, 3e6 do x = x + i % 7 end
  return x
end
local pool = mm.Pool(2)
pool:map(work, { 1, 2, 3, 4 })
pool:terminate()
pool:join()
local after = mm.gil()
expect.truthy(after.takes > gil.takes)
expect.truthy(after.contended > 0, "they waited for each other")
expect.truthy(after.waited > 0)
expect.truthy(after.held > gil.held)
expect.truthy(after.longest.seconds > 0)
if after.preemptible then
  expect.truthy(after.requests >= after.forced and after.forced > 0)
  expect.truthy(after.longest.traceback:find("%.lua:%d+"), after.longest.traceback)
end

-- No thread starves: each makes progress, although all of them always wait for the lock.
if after.preemptible then
  local counts, go_on, spinners = {}, true, {}
  for i = 1, 4 do
    counts[i] = 0
    spinners[i] = mm.Process(function()
      while go_on do counts[i] = counts[i] + 1 end
    end)
    spinners[i]:start()
  end
  repeat mm.sleep(0.001) until math.min(counts[1], counts[2], counts[3], counts[4]) > 100000
  go_on = false
  for i = 1, 4 do spinners[i]:join() end
end
