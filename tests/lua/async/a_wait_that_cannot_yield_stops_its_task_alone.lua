-- SPDX-License-Identifier: MIT
-- In a coroutine of the task, a C function, a metamethod or a pcall, where a task cannot yield, a wait still suspends
-- only this task, and code outside of tasks continues before it.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local ways = {
  plain = function(wait) return wait() end,
  ["pcall"] = function(wait) return select(2, pcall(wait)) end,
  ["coroutine"] = function(wait) return coroutine.wrap(function() return wait() end)() end,
  ["coroutine in pcall in a coroutine"] = function(wait)
    return coroutine.wrap(function() return select(2, pcall(coroutine.wrap(wait))) end)()
  end,
  ["metamethod"] = function(wait) return setmetatable({}, { __index = function() return wait() end }).x end,
  ["iterator"] = function(wait)
    local got
    for value in function() return not got and wait() or nil end do got = value end
    return got
  end,
  ["C function"] = function(wait)
    local got
    string.gsub("x", "x", function() got = wait() end)
    return got
  end,
}

-- All at once, each waiting for a value that the main task puts.
local results = async.run(function()
  local tasks, queues, names = {}, {}, {}
  for name in pairs(ways) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    queues[i] = async.SimpleQueue()
    tasks[i] = async.spawn(function() return name .. "=" .. ways[name](function() return queues[i]:get() end) end)
  end
  mm.sleep(0)
  for i = #names, 1, -1 do queues[i]:put(i) end
  return { names = names, got = async.gather(tasks) }
end)
for i, name in ipairs(results.names) do expect.equal(results.got[i], name .. "=" .. i) end

-- Code outside of tasks continues, although a task that ran on its stack waits for its next step.
for name, way in pairs(ways) do
  local first, second = async.SimpleQueue(), async.SimpleQueue()
  local task = async.spawn(function()
    first:put("hello")
    return way(function() return second:get() end)
  end)
  expect.equal(first:get(expect.HANG), "hello", name)
  mm.sleep(0.001) -- the task waits above it on the stack
  second:put(name)
  expect.equal(task:get(expect.HANG), name)
end

-- Many tasks wait like this at the same time, nested in each other.
local COUNT = 200
local total = async.run(function()
  local tasks, gate = {}, async.SimpleQueue()
  for i = 1, COUNT do
    tasks[i] = async.spawn(function()
      return coroutine.wrap(function()
        local value = gate:get()
        mm.sleep(0)
        gate:put(value + 1)
        return 1
      end)()
    end)
  end
  gate:put(0)
  local sum = 0
  for _, each in ipairs(async.gather(tasks)) do sum = sum + each end
  expect.equal(gate:get(), COUNT)
  return sum
end)
expect.equal(total, COUNT)

-- A task that is cancelled where it cannot yield ends as well.
async.run(function()
  local never, reached = async.SimpleQueue(), false
  local task = async.spawn(function()
    local co = coroutine.wrap(function() never:get() end)
    co()
    reached = true
  end)
  mm.sleep(0)
  task:cancel()
  local err = expect.raises("cancelled", task.get, task, expect.HANG)
  expect.equal(err.kind, "cancelled")
  expect.equal(reached, false)
end)
