-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Workers are killed while they decode, run, encode and wait. Each task ends either with its own result or as "died";
-- none is lost, none is mixed up with another, and the pool can still be used.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(3)
local pids = mm.Queue()
local function work(i, text)
  pids:put(mm.current_process().pid)
  local sum = 0
  for n = 1, i % 7 * 2000 do sum = sum + n % 3 end
  return i, text, sum
end

local died, done = 0, 0
for round = 1, 40 do
  local futures, text = {}, ("payload "):rep(round * 100)
  for i = 1, 30 do futures[i] = pool:submit(work, i, text) end
  local victim
  for _ = 1, 1 + round % 5 do victim = pids:get() end
  os.execute(string.format("kill -9 %d 2>/dev/null", victim))
  for i, future in ipairs(futures) do
    local ok, number, back = pcall(future.get, future)
    if ok then
      done = done + 1
      expect.equal(number, i)
      expect.equal(back, text)
    else
      died = died + 1
      expect.equal(number.kind, "died")
      expect.equal(number.exitcode, -9)
    end
  end
  while pids:get_nowait() do end
end
expect.equal(done + died, 1200)
expect.truthy(died <= 40, "a death costs one task at most: " .. died .. " failed")
expect.equal(pool:map(function(x) return x end, { 1, 2, 3 }), { 1, 2, 3 })
pool:close()
expect.equal(pool:join(), true)
