-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- With a chunksize of 1 no call waits for the end of another one while a worker is free, and the death of a worker
-- fails only the running call, however short the other calls are.
local mm = require "manymoons"
local expect = require "expect"

local unpack = table.unpack or unpack
local pool = mm.Pool(2)
local here, there = mm.Queue(), mm.Queue()

-- Two neighbours among many quick ones that wait for each other.
local list = {}
for i = 1, 2000 do list[i] = { i, here, there } end
for _ = 1, 3 do
  local results = pool:starmap(function(i, a, b)
    if i == 1500 then
      a:put(i)
      return b:get(expect.HANG)
    elseif i == 1501 then
      b:put(i)
      return a:get(expect.HANG)
    end
    return i
  end, list, { chunksize = 1 })
  expect.equal({ unpack(results, 1499, 1502) }, { 1499, 1501, 1500, 1502 })
  expect.equal(#results, 2000)
end

local is_process = mm.current_world() == "processes"
local function dies(x)
  if x % 500 == 250 then
    if is_process then os.execute("kill -9 $PPID") else os.exit(9) end
  end
  return x % 3 == 0 and "text " .. x or x % 3 == 1 and x / 4 or x
end
local numbers = {}
for i = 1, 2000 do numbers[i] = i end
local err = expect.raises("died", pool.map, pool, dies, numbers, { chunksize = 1 })
local failed, count = {}, 0
for i in pairs(err.errors) do failed[#failed + 1] = i end
table.sort(failed)
expect.equal(failed, { 250, 750, 1250, 1750 })
for i = 1, 2000 do
  if err.results[i] ~= nil then count = count + 1 end
end
expect.equal(count, 1996)
expect.equal({ err.results[3], err.results[4], err.results[5] }, { "text 3", 1, 5 })
pool:terminate()
