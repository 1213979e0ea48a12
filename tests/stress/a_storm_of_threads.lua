-- SPDX-License-Identifier: MIT
-- worlds: threads
-- Threads compute, with coroutines, errors, finalizers, hooks, closures over shared upvalues and collections, and
-- release the VM lock every tenth of a millisecond, in both schedules.
local mm = require "manymoons"
local expect = require "expect"

mm.setswitchinterval(0.0001)

local finalized = 0
local function garbage()
  local proxy = newproxy and newproxy(true)
  if proxy then
    getmetatable(proxy).__gc = function() finalized = finalized + 1 end
  else
    setmetatable({}, { __gc = function() finalized = finalized + 1 end })
  end
end

local deeds = {
  coroutines = function(n)
    local sum = 0
    for v in coroutine.wrap(function()
      for i = 1, n do coroutine.yield(i) end
    end) do
      sum = sum + v
    end
    return sum == n * (n + 1) / 2
  end,
  nested = function(n)
    local function level(depth)
      if depth == 0 then
        for _ = 1, n do coroutine.yield(1) end
        return
      end
      for v in coroutine.wrap(function() level(depth - 1) end) do coroutine.yield(v) end
    end
    local count = 0
    for _ in coroutine.wrap(function() level(3) end) do count = count + 1 end
    return count == n
  end,
  errors = function(n)
    local caught = 0
    for i = 1, n do
      local ok, err = pcall(error, { i })
      if not ok and err[1] == i then caught = caught + 1 end
    end
    return caught == n
  end,
  strings = function(n)
    local parts = {}
    for i = 1, n do parts[i] = string.format("%d,%s", i, ("x"):rep(i % 50)) end
    return #table.concat(parts) > n
  end,
  garbage = function(n)
    for _ = 1, n do garbage() end
    collectgarbage("step")
    return true
  end,
  sort = function(n)
    local list = {}
    for i = 1, n do list[i] = (i * 7919) % n end
    table.sort(list, function(a, b) return a < b end)
    for i = 2, n do
      if list[i - 1] > list[i] then return false end
    end
    return true
  end,
  hooks = function(n)
    local counted, sum = 0, 0
    debug.sethook(function() counted = counted + 1 end, "", 100)
    for i = 1, n * 10 do sum = sum + i % 3 end
    local hook = debug.gethook()
    debug.sethook()
    return counted >= n * 10 * 3 / 100 / 2 and hook ~= nil and sum > 0
  end,
}
local names = {}
for name in pairs(deeds) do names[#names + 1] = name end
table.sort(names)

for _, schedule in ipairs({ "fair", "legacy" }) do
  mm.gil({ schedule = schedule })
  local failures = mm.Queue()
  local workers = {}
  for i = 1, 6 do
    workers[i] = mm.Process(function()
      local before, round = mm.gil(), 0
      while round < 12 or (round < 300 and before.preemptible and mm.gil().switches < before.switches + 50) do
        round = round + 1
        local name = names[(i + round) % #names + 1]
        if not deeds[name](1500) then failures:put(name) end
      end
    end)
    workers[i]:start()
  end
  for i = 1, 6 do
    expect.equal(workers[i]:join(expect.HANG), true)
    expect.equal(workers[i].exitcode, 0)
  end
  expect.equal(failures:get_nowait(), nil)
end
expect.equal(mm.gil().threads, 1)
expect.truthy(mm.gil().switches > 100 or not mm.gil().preemptible, "threads took turns")
collectgarbage()
