-- SPDX-License-Identifier: MIT
-- A task that was woken, and is cancelled before it goes on, passes on what woke it: a notification of a Condition, a
-- value or a place of a queue; wherever it waits, and also while it waits for the Condition's lock.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

-- In a coroutine of its own a task cannot yield, and waits on a stack of its own.
local places = {
  function(f) return f() end,
  function(f) return coroutine.wrap(function() return f() end)() end,
}

local function wait_together(count, place, f)
  local tasks, woken = {}, { count = 0 }
  for i = 1, count do
    tasks[i] = async.spawn(function()
      place(function()
        if f() then woken.count = woken.count + 1 end
      end)
    end)
  end
  mm.sleep(0)
  mm.sleep(0.02)
  return tasks, woken
end

local function wait_for_count(woken, count)
  local until_when = mm.time() + expect.HANG
  while woken.count < count and mm.time() < until_when do mm.sleep(0.005) end
  expect.equal(woken.count, count)
end

local function cancelled(task)
  task:cancel()
  return task
end

async.run(function()
  for _, place in ipairs(places) do
    local condition = mm.Condition(mm.Lock())
    local tasks, woken = wait_together(3, place, function()
      condition:acquire()
      local was_notified = condition:wait(expect.HANG)
      condition:release()
      return was_notified
    end)
    condition:acquire()
    condition:notify(1)
    tasks[1]:cancel()
    condition:release()
    wait_for_count(woken, 1)

    -- It has been woken, and waits for the lock.
    condition:acquire()
    condition:notify(1)
    mm.sleep(0.05)
    local next_one = tasks[2]:done() and tasks[3] or tasks[2]
    next_one:cancel()
    expect.equal(woken.count, 1)
    condition:release()
    expect.equal(condition:acquire(expect.HANG), true)
    condition:notify_all()
    condition:release()

    local queue = mm.Queue(1)
    tasks, woken = wait_together(3, place, function() return queue:get() end)
    queue:put("a")
    cancelled(tasks[1])
    wait_for_count(woken, 1)
    queue:close()
    for i = 2, 3 do expect.equal(tasks[i]:wait(expect.HANG), true) end

    queue = mm.Queue(1)
    queue:put("full")
    tasks, woken = wait_together(3, place, function() return queue:put("more") end)
    expect.equal(queue:get(), "full")
    cancelled(tasks[1])
    wait_for_count(woken, 1)
    queue:close()
    for i = 2, 3 do expect.equal(tasks[i]:wait(expect.HANG), true) end

    local semaphore = mm.Semaphore(0)
    tasks, woken = wait_together(3, place, function() return semaphore:acquire() end)
    semaphore:release()
    cancelled(tasks[1])
    wait_for_count(woken, 1)
    semaphore:release(2)
    wait_for_count(woken, 2)
    for i = 2, 3 do expect.equal(tasks[i]:wait(expect.HANG), true) end
  end
end)
