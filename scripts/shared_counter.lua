-- SPDX-License-Identifier: MIT
-- A counter that several workers increment, in three ways: read and write, under a lock, in one atomic step.
-- Usage: shared_counter.lua [WORKERS [ROUNDS]]; manymoons compare scripts/shared_counter.lua
--
-- "Read and write" loses the increments between the two, also under a GIL: the lock of the VM protects each step of the
-- VM, not two together. That count is shown on stderr, because it differs between runs; the others are right in every
-- world.
local mm = require("manymoons")

local workers, rounds = tonumber(arg[1]) or 4, tonumber(arg[2]) or 100000

local ways = {
  { name = "read and write", step = function(v) v.value = v.value + 1 end },
  { name = "with a lock", step = function(v, lock)
    lock:acquire()
    v.value = v.value + 1
    lock:release()
  end },
  { name = "in one step", step = function(v) v:add(1) end },
}

local function work(step, value, lock, count)
  for _ = 1, count do step(value, lock) end
end

for i, way in ipairs(ways) do
  local value, start, started = mm.Value("i64"), mm.time(), {}
  local lock = value:lock()
  for n = 1, workers do
    started[n] = mm.Process(work, way.step, value, lock, rounds)
    started[n]:start()
  end
  for n = 1, workers do started[n]:join() end
  local seconds = mm.time() - start
  local text = ("%-15s %d of %d"):format(way.name, value.value, workers * rounds)
  if i == 1 then
    io.stderr:write(text, (", %.0f ns each\n"):format(seconds / workers / rounds * 1e9))
  else
    print(text)
    io.stderr:write(("%-15s %.0f ns each\n"):format(way.name, seconds / workers / rounds * 1e9))
  end
end
