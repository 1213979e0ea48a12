-- SPDX-License-Identifier: MIT
-- run, spawn, gather, group, timeout: many tasks wait at once, and results come in order.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

-- Outside of tasks calls block; run returns the results of main, nils included.
local function count(...) return select("#", ...), ... end
local n, a, b = count(async.run(function(...) return ... end, 1, nil))
expect.equal({ n, a, b }, { 2, 1, nil })
expect.equal(async.current_task(), nil)

local COUNT = 1000
local order, begun = {}, 0
local results = async.run(function()
  expect.truthy(async.current_task())
  local tasks = {}
  for i = 1, COUNT do
    tasks[i] = async.spawn(function(k)
      begun = begun + 1
      mm.sleep(0.05)
      expect.equal(begun, COUNT, "all wait before one has waited")
      order[#order + 1] = k
      return k * 2, "more"
    end, i)
  end
  return async.gather(tasks)
end)
expect.equal(results.n, COUNT)
for i = 1, COUNT do expect.equal(results[i], 2 * i) end
for i = 2, COUNT do expect.truthy(order[i - 1] < order[i], "who slept first wakes first") end

async.run(function()
  -- gather takes tasks, futures and functions
  local pool = mm.Pool(2)
  local got = async.gather({ async.spawn(function() return "task" end), pool:submit(function() return "future" end),
    function() return "function" end })
  expect.equal({ got[1], got[2], got[3] }, { "task", "future", "function" })
  expect.equal(async.gather({}).n, 0)
  pool:close()
  expect.equal(pool:join(expect.HANG), true)

  -- group: returns when all have ended
  local seen = {}
  expect.equal(async.group(function(g)
    for i = 1, 5 do
      g:spawn(function()
        mm.sleep(0.001 * (6 - i))
        seen[#seen + 1] = i
      end)
    end
    return "of f"
  end), "of f")
  expect.equal(#seen, 5)

  -- timeout
  expect.equal(select("#", async.timeout(expect.HANG, function() return 1, 2 end)), 2)
  local value, why = async.timeout(0.01, function() mm.sleep(30) end)
  expect.equal({ value, why }, { nil, "timeout" })

  -- wait takes tasks beside other things
  local slow, quick = async.spawn(mm.sleep, 30), async.spawn(mm.sleep, 0.001)
  expect.equal(mm.wait({ slow, quick }, expect.HANG)[1], quick)
  expect.equal({ slow:get(0) }, { nil, "timeout" })
  expect.equal({ quick:done(), slow:done() }, { true, false })
end)

-- A queue between tasks of different speed: no value is lost, and a full queue makes the faster task wait.
local sum = async.run(function()
  local q, total = async.Queue(2), 0
  local producer = async.spawn(function()
    for i = 1, 100 do q:put(i) end
    q:close()
  end)
  for value in q:iter() do
    total = total + value
    if value % 10 == 0 then mm.sleep(0) end
  end
  producer:get()
  return total
end)
expect.equal(sum, 5050)

-- Wrong use
expect.raises("run: argument 1: a function expected, got nil", async.run)
expect.raises("spawn: argument 1: a function expected, got number", async.spawn, 1)
expect.raises("gather: a list of tasks expected, got nil", async.gather)
expect.raises("gather: thing 1: a task, a future or a function expected, got number", async.gather, { 1 })
expect.raises("timeout: argument 1: a number of seconds expected, got nil", async.timeout)
expect.raises("cancel: Task expected, got nil", async.cancel)
expect.raises("a task cannot wait for itself", async.run, function() async.current_task():get() end)
expect.raises("would wait for ever", async.run, function()
  local first, second
  first = async.spawn(function() second:get() end)
  second = async.spawn(function() first:get() end)
  first:get()
end)
