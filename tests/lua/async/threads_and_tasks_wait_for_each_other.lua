-- SPDX-License-Identifier: MIT
-- Each thread of a VM may run tasks, several threads at the same time; a task that cannot yield waits in its own
-- thread.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"
local async, threads = mm.async, mm.threads

local THREADS, TASKS = 4, 25
local results, workers = threads.SimpleQueue(), {}

local function sum_of_tasks(number)
  return async.run(function()
    local tasks = {}
    for i = 1, TASKS do
      tasks[i] = async.spawn(function()
        mm.sleep(0.001 * (i % 3))
        local stuck = coroutine.wrap(function()
          mm.sleep(0.001 * ((i + number) % 3))
          return i
        end)
        return stuck()
      end)
    end
    local sum = 0
    for _, each in ipairs(async.gather(tasks)) do sum = sum + each end
    return sum
  end)
end

for number = 1, THREADS do
  workers[number] = threads.Process(function() results:put(sum_of_tasks(number)) end)
  workers[number]:start()
end
for _ = 1, THREADS do expect.equal(results:get(expect.HANG), TASKS * (TASKS + 1) / 2) end
for _, worker in ipairs(workers) do expect.equal(worker:join(expect.HANG), true) end

-- A thread and a task pass a value to and fro.
local there, back = threads.SimpleQueue(), threads.SimpleQueue()
local ROUNDS = 200
local thread = threads.Process(function()
  for _ = 1, ROUNDS do back:put(there:get() + 1) end
end)
thread:start()
expect.equal(async.run(function()
  local value, other = 0, 0
  local ticker = async.spawn(function()
    while true do
      other = other + 1
      mm.sleep(0)
    end
  end)
  for _ = 1, ROUNDS do
    there:put(value)
    value = back:get()
  end
  ticker:cancel()
  expect.truthy(other > 0)
  return value
end), ROUNDS)
expect.equal(thread:join(expect.HANG), true)

-- Tasks of one thread are awaited by another.
local task = async.spawn(function()
  mm.sleep(0.01)
  return "done"
end)
local waiter = threads.Process(function() results:put(task:get()) end)
waiter:start()
expect.equal(results:get(expect.HANG), "done")
expect.equal(waiter:join(expect.HANG), true)
