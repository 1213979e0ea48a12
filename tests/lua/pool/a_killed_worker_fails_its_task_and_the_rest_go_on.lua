-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local started = mm.Queue()
local victim = pool:submit(function()
  started:put(mm.current_process().pid)
  while true do mm.sleep(1) end
end)
local rest = {}
for i = 1, 50 do rest[i] = pool:submit(function(n) return n * 2 end, i) end
os.execute("kill -9 " .. string.format("%d", started:get()))
local err = expect.raises("died", victim.get, victim)
expect.equal(err.kind, "died")
expect.equal(err.exitcode, -9)
for i = 1, 50 do expect.equal(rest[i]:get(), i * 2) end
-- Killed while idle: the next task runs.
local pid = pool:apply(function() return mm.current_process().pid end)
os.execute("kill -9 " .. string.format("%d", pid))
for i = 1, 10 do expect.equal(pool:apply(function(n) return n end, i), i) end
pool:close()
pool:join()
