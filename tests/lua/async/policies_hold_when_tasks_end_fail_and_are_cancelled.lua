-- SPDX-License-Identifier: MIT
-- The policies for several tasks: how many run at once, what a failure ends, what a cancel reaches, in which order
-- results come.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

-- Calls at once, and how many there were at most.
local function counter()
  local count = { now = 0, most = 0, all = 0 }
  function count.call(f)
    count.now, count.all = count.now + 1, count.all + 1
    count.most = math.max(count.most, count.now)
    local result = f()
    count.now = count.now - 1
    return result
  end
  return count
end

local function pause() for _ = 1, 3 do mm.sleep(0) end end
local function fail() error("it broke", 0) end
local function for_ever() mm.sleep(1e6) end

-- map: in order, with a limit.
async.run(function()
  local count = counter()
  local squares = async.map({ 5, 4, 3, 2, 1 }, function(x)
    return count.call(function()
      for _ = 1, x do mm.sleep(0) end
      return x * x
    end)
  end, { limit = 2 })
  expect.equal(squares, { n = 5, 25, 16, 9, 4, 1 })
  expect.equal({ count.most, count.all }, { 2, 5 })
  expect.equal(async.map({}, fail), { n = 0 })
  expect.equal(#async.map({ 1, 2, 3 }, function(x) return x end), 3)
end)

-- The first failure ends the others and what has not begun; with errors = "return" all go on.
async.run(function()
  local begun, ended = 0, 0
  local function work(x)
    begun = begun + 1
    if x == 2 then fail() end
    mm.sleep(0.01)
    if x < 2 then for_ever() end
    ended = ended + 1
  end
  expect.equal(expect.raises("it broke", async.map, { 1, 2, 3, 4, 5, 6 }, work, { limit = 2 }).kind, "error")
  expect.equal({ begun, ended }, { 2, 0 })

  local results = async.map({ 1, 2, 3 }, function(x)
    if x == 2 then fail() end
    return x
  end, { errors = "return", limit = 1 })
  expect.equal({ results[1], results[2].message, results[2].kind, results[3] }, { 1, "it broke", "error", 3 })
  results = async.gather({ function() return "a" end, fail, function()
    pause()
    return "c"
  end }, { errors = "return" })
  expect.equal({ results[1], results[2].message, results[3], results.n }, { "a", "it broke", "c", 3 })
end)

-- A group with a limit: spawn waits.
async.run(function()
  for _, begin in ipairs({
    function(f) return async.group({ limit = 3 }, f) end,
    function(f) return async.group({ limit = 3, f }) end,
  }) do
    local count = counter()
    expect.equal(begin(function(g)
      for _ = 1, 10 do g:spawn(count.call, pause) end
      return "body"
    end), "body")
    expect.equal({ count.most, count.all }, { 3, 10 })
  end
  local count = counter()
  expect.raises("it broke", async.group, { limit = 2 }, function(g)
    g:spawn(count.call, for_ever)
    g:spawn(fail)
    for _ = 1, 5 do g:spawn(count.call, for_ever) end
  end)
  expect.truthy(count.all <= 3, count.all)
end)

-- A task of a full group that spawns waits for room as well.
async.run(function()
  local count = counter()
  async.group({ limit = 2 }, function(g)
    g:spawn(count.call, function() g:spawn(count.call, pause) end)
    pause()
    g:spawn(count.call, pause)
  end)
  expect.equal({ count.most, count.all }, { 2, 3 })
end)

-- race: the first success, whatever failed before it; the others are cancelled.
async.run(function()
  local slow = async.spawn(for_ever)
  expect.equal({ async.race({ slow, fail, function()
    pause()
    return "won", 2
  end }) }, { "won", 2 })
  expect.equal(expect.raises("cancelled", slow.get, slow).kind, "cancelled")
  local err = expect.raises("all 2 failed: it broke; other", async.race, { fail, function() error("other", 0) end })
  expect.equal({ #err.errors, err.errors[2].message }, { 2, "other" })
  expect.raises("it broke", async.race, { fail })

  local pool = mm.Pool(2)
  expect.equal(async.race({ pool:submit(mm.sleep, 1e6), pool:submit(string.upper, "x") }), "X")
  pool:terminate()
end)

-- shield: a cancel ends the wait, and not the thing.
async.run(function()
  local event, log = mm.Event(), {}
  local inner = async.spawn(function()
    event:wait()
    log[#log + 1] = "inner"
    return 7
  end)
  expect.equal({ async.timeout(0.01, function() return async.shield(inner):get() end) }, { nil, "timeout" })
  local shielded = async.shield(inner)
  expect.equal(shielded:cancel(), true)
  expect.equal(inner:done(), false)
  expect.raises("it broke", async.gather, { async.shield(inner), fail })
  event:set()
  expect.equal({ inner:get(), log[1] }, { 7, "inner" })
  expect.equal(async.shield(inner):get(), 7)
  expect.raises("it broke", function() return async.shield(fail):get() end)
end)

-- A cancelled caller cancels all that it waits for, however deep.
async.run(function()
  local ended = 0
  local leaves = {}
  local function grow(depth)
    if depth == 0 then
      leaves[#leaves + 1] = async.current_task()
      return for_ever()
    end
    local branches = {
      function() async.gather({ function() grow(depth - 1) end, function() grow(depth - 1) end }) end,
      function() async.map({ 1, 2 }, function() grow(depth - 1) end, { limit = 2 }) end,
      function() async.race({ function() grow(depth - 1) end, function() grow(depth - 1) end }) end,
      function()
        async.group(function(g)
          g:spawn(grow, depth - 1)
          g:spawn(grow, depth - 1)
        end)
      end,
      function() async.timeout(1e6, grow, depth - 1) end,
    }
    async.gather(branches)
    ended = ended + 1
  end
  local root = async.spawn(grow, 2)
  while #leaves < 81 do mm.sleep(0) end
  expect.equal(root:cancel(), true)
  expect.equal(root:wait(), true)
  for _, task in ipairs(leaves) do
    expect.equal(task:wait(expect.HANG), true)
    expect.equal(expect.raises("cancelled", task.get, task).kind, "cancelled")
  end
  expect.equal(ended, 0)
end)

-- as_completed: in the order in which they end.
async.run(function()
  local events, tasks, order = {}, {}, {}
  for i = 1, 3 do
    events[i] = mm.Event()
    tasks[i] = async.spawn(function()
      events[i]:wait()
      return i
    end)
  end
  events[2]:set()
  for task in async.as_completed(tasks) do
    order[#order + 1] = task:get()
    if #order == 1 then events[3]:set() end
    if #order == 2 then events[1]:set() end
  end
  expect.equal(order, { 2, 3, 1 })
end)

-- after and every: tasks that are cancelled like others.
async.run(function()
  expect.equal(async.after(0.01, string.rep, "x", 3):get(), "xxx")
  local is_called = false
  local later = async.after(1e6, function() is_called = true end)
  mm.sleep(0)
  later:cancel()
  expect.equal({ later:done(), is_called }, { true, false })

  local calls = 0
  local ticker = async.every(0.002, function(step)
    calls = calls + step
    if calls == 3 then mm.sleep(0.02) end
  end, 1)
  while calls < 6 do mm.sleep(0.001) end
  ticker:cancel()
  local seen = calls
  mm.sleep(0.01)
  expect.equal(calls, seen)
  expect.raises("it broke", function() return async.every(0.001, fail):get() end)
end)

-- Wrong uses.
expect.raises("limit: a whole number, 1 or more, expected, got 0", async.map, { 1 }, print, { limit = 0 })
expect.raises("map: unknown option 'limt'", async.map, { 1 }, print, { limt = 1 })
expect.raises("errors: 'raise' or 'return' expected, got keep", async.gather, {}, { errors = "keep" })
expect.raises("group: argument 2: a function expected, got nil", async.group, { limit = 1 })
expect.raises("race: a list of at least one task expected", async.race, {})
expect.raises("shield: thing 1: a task, a future or a function expected, got number", async.shield, 5)
expect.raises("after: argument 1: a number of seconds expected, got x", async.after, "x", print)
expect.raises("every: argument 1: a number of seconds, more than 0, expected, got 0", async.every, 0, print)
