-- SPDX-License-Identifier: MIT
-- variants: release asan
-- maxmemory reached, noeviction: submitting waits, nothing is lost; a queue's put waits, or says so. A server that
-- evicts is refused.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--maxmemory 6mb --maxmemory-policy noeviction --appendonly no")
local pool = mm.Pool{ broker = server.url, name = "jobs", window = 100000 }
local TASKS, text = 8000, ("x"):rep(1000)
local futures = {}
for i = 1, TASKS do futures[i] = pool:submit(function(x) return #x end, text .. i) end
broker.eventually("the server is full", function()
  expect.equal(futures[1]:wait(0.05), nil)
  local used, most = server:cli("info memory"):match("used_memory:(%d+)"), 6 * 1024 * 1024
  return tonumber(used) > most * 0.9
end)
local q = mm.Queue{ broker = server.url, name = "items" }
local put, why = true, nil
for _ = 1, 100 do
  if put then put, why = q:put(text:rep(20), 0.1) end
end
expect.equal(put, nil)
expect.equal(why, "timeout")
broker.worker(server, "jobs", "--slots 2 --lease 2")
for i = 1, TASKS do expect.equal(futures[i]:get(expect.HANG), 1000 + #tostring(i)) end
expect.equal(server:cli("xlen 'manymoons:{jobs}:q'"), "0")
pool:close()
expect.equal(pool:join(expect.HANG), true)
while not q:empty() do expect.equal(#q:get(expect.HANG), 20000) end

local evicting = broker.server("--maxmemory 6mb --maxmemory-policy allkeys-lru")
expect.raises("evicts keys", mm.Pool, { broker = evicting.url, name = "jobs" })
