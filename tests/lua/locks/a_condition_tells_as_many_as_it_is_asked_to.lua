-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local condition = mm.Condition()
expect.raises("Condition:wait: the lock is not held", condition.wait, condition, 0.01)
expect.raises("Condition:notify: the lock is not held", condition.notify, condition)
expect.raises("Condition:release: nobody holds it", condition.release, condition)
expect.raises("Condition: a Lock or an RLock expected, got number", mm.Condition, 1)
condition:acquire()
condition:acquire()
local start = mm.time()
expect.equal({ condition:wait(0.03) }, { nil, "timeout" })
expect.truthy(mm.time() - start >= 0.03)
condition:notify()
condition:release()
condition:release() -- as deep as before the wait
expect.raises("Condition:release: nobody holds it", condition.release, condition)
expect.equal(condition:with(function() return condition:wait_for(function() return "at once" end) end), "at once")
expect.equal(condition:with(function() return condition:wait_for(function() return false end, 0.02) end), false)
local lock = mm.Lock()
local of_lock = mm.Condition(lock)
of_lock:acquire()
expect.equal({ of_lock:wait(0.01) }, { nil, "timeout" })
expect.equal(lock:locked(), true)
of_lock:release()

if mm.current_world() == "serial" then
  condition:acquire()
  expect.raises("would wait for ever in the serial world", condition.wait, condition)
  return
end

local function wait(c, inside, told)
  c:acquire()
  inside:put(true)
  told:put({ c:wait(expect.HANG) })
  c:release()
end

for _, c in ipairs({ condition, of_lock }) do
  local inside, told, workers = mm.Queue(), mm.Queue(), {}
  for i = 1, 5 do
    workers[i] = mm.Process(wait, c, inside, told)
    workers[i]:start()
  end
  for _ = 1, 5 do inside:get(expect.HANG) end
  c:with(function() c:notify() end) -- the lock is held, so all the others wait
  expect.equal(told:get(expect.HANG), { true })
  expect.equal({ told:get(0.05) }, { nil, "timeout" }, "one was told")
  c:with(function() c:notify(2) end)
  expect.equal({ told:get(expect.HANG), told:get(expect.HANG) }, { { true }, { true } })
  expect.equal({ told:get(0.05) }, { nil, "timeout" }, "two were told")
  c:with(function() c:notify_all() end)
  expect.equal({ told:get(expect.HANG), told:get(expect.HANG) }, { { true }, { true } })
  for i = 1, 5 do workers[i]:join() end
end

-- A waiter that was killed does not take a notification away from the others.
local inside, told = mm.Queue(), mm.Queue()
local dead = mm.Process(wait, condition, inside, told)
dead:start()
inside:get(expect.HANG)
local alive = mm.Process(wait, condition, inside, told)
alive:start()
inside:get(expect.HANG)
condition:with(function() end)
dead:kill()
dead:join()
condition:with(function() condition:notify() end)
expect.equal(told:get(expect.HANG), { true })
alive:join()
