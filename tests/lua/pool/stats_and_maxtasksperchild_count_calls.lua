-- SPDX-License-Identifier: MIT
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
pool:map(function(x) return x end, { 1, 2, 3, 4, 5 }, { chunksize = 2 })
pool:apply(function(s) return #s end, ("x"):rep(1000))
local stats = pool:stats()
expect.equal(#stats, 1)
expect.equal(stats[1].tasks, 6)
expect.equal(stats[1].name, "PoolWorker-1")
for _, name in ipairs({ "busy", "waiting", "startup", "bytes_in", "bytes_out" }) do
  expect.truthy(type(stats[1][name]) == "number" and stats[1][name] >= 0, name)
end
local is_copied = mm.current_world() == "interpreters" or mm.current_world() == "processes"
if is_copied then expect.truthy(stats[1].bytes_in > 1000, "bytes in") end
pool:close()
pool:join()
expect.equal(pool:stats()[1].tasks, 6)

-- Right after the results all calls that gave them are counted.
local two = mm.Pool(2)
for round = 1, 50 do
  two:map(function(x) return x end, { 1, 2, 3, 4, 5, 6, 7 }, { chunksize = round % 3 + 1 })
  local sum = 0
  for _, worker in ipairs(two:stats()) do sum = sum + worker.tasks end
  expect.equal(sum, 7 * round)
end
two:terminate()

-- Six calls by workers that make two each, however they are batched: three workers.
for _, chunksize in ipairs({ 1, 3, 6, false }) do
  local short = mm.Pool{ workers = 1, maxtasksperchild = 2 }
  local names, count = {}, 0
  local who = short:map(function() return require("manymoons").current_process().name end, { 1, 2, 3, 4, 5, 6 },
    { chunksize = chunksize or nil })
  for _, name in ipairs(who) do names[name] = (names[name] or 0) + 1 end
  for _, calls in pairs(names) do
    count = count + 1
    expect.equal(calls, 2)
  end
  expect.equal(count, 3)
  short:terminate()
end
