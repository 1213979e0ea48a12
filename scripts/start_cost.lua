-- SPDX-License-Identifier: MIT
-- What a worker costs before it does anything: to start and join one after the other, and all at once.
-- Usage: start_cost.lua [WORKERS]
--
-- A thread shares its program's VM, an interpreter opens a VM of its own, a process copies the program. Work that takes
-- less than its worker's start belongs in a pool, whose workers start once. The times are shown on stderr.
local mm = require "manymoons"

local count = tonumber(arg[1]) or 100

local function nothing() end

local function time(name, f)
  local begun = mm.time()
  f()
  io.stderr:write(("%-12s %-20s %8.0f us each\n"):format(mm.current_world(), name, (mm.time() - begun) / count * 1e6))
end

time("one by one", function()
  for _ = 1, count do
    local worker = mm.Process(nothing)
    worker:start()
    worker:join()
  end
end)

time("all at once", function()
  local started = {}
  for i = 1, count do
    started[i] = mm.Process(nothing)
    started[i]:start()
  end
  for i = 1, count do started[i]:join() end
end)

local pool = mm.Pool(2)
pool:map(nothing, { 1, 2 })
time("a call of a pool", function()
  for _ = 1, count do pool:apply(nothing) end
end)
pool:close()
pool:join()
print(("%d workers were started twice"):format(count))
