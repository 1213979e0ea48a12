-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Workers that had been ready, and are killed, say nothing of those that come after them: however many are killed at
-- once, and however often, the pool goes on; also when it is the fork server that is killed, and its children with it.
local mm = require "manymoons"
local expect = require "expect"

local function parent_of(pid)
  local file = assert(io.open("/proc/" .. pid .. "/stat"))
  local parent = file:read("*l"):match(".*%) %S (%d+)")
  file:close()
  return parent
end

local function pids_of(pool)
  local pids = {}
  for i, worker in ipairs(pool:stats()) do pids[i] = worker.pid end
  return pids
end

local here = tostring(mm.current_process().pid)
-- Without limits the workers of a single-threaded host are forked; with limits a fork server makes them.
for _, options in ipairs({ { workers = 12 }, { workers = 12, nice = 1 } }) do
  local pool = mm.Pool(options)
  for round = 1, 6 do
    expect.equal(pool:apply(function(x) return x end, round), round)
    while #pids_of(pool) < options.workers do mm.sleep(0.1) end
    local pids = pids_of(pool)
    local parent = parent_of(pids[1])
    if round % 3 == 0 and parent ~= here then pids = { parent } end
    os.execute("kill -9 " .. table.concat(pids, " ") .. " 2>/dev/null")
    if round % 2 == 0 then mm.sleep(0.1) end
  end
  -- Again and again, without an answer in between.
  for _ = 1, 5 do
    while #pids_of(pool) < options.workers do mm.sleep(0.1) end
    os.execute("kill -9 " .. table.concat(pids_of(pool), " ") .. " 2>/dev/null")
    mm.sleep(0.01)
  end
  expect.equal(#pool:map(function(x) return x end, { 1, 2, 3 }), 3)
  pool:terminate()
end
