-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local function ends(f, lock)
  local p = mm.Process(f, lock)
  p:start()
  p:join()
end

for _, kind in ipairs({ "Lock", "RLock", "BoundedSemaphore" }) do
  local lock = mm[kind]()
  ends(function(l) l:acquire() end, lock)
  expect.equal({ lock:acquire(expect.HANG) }, { true, "abandoned" }, kind .. ": it ended")
  lock:release()
  if mm.current_world() ~= "serial" then
    ends(function(l)
      l:acquire()
      os.exit(3)
    end, lock)
    expect.equal({ lock:acquire(expect.HANG) }, { true, "abandoned" }, kind .. ": it failed")
    lock:release()
  end
  expect.equal({ lock:acquire(expect.HANG) }, { true }, kind .. ": that is told once")
  lock:release()
end

-- A permit that one worker acquires and another releases has no holder.
local semaphore = mm.Semaphore(2)
ends(function(s) s:acquire() end, semaphore)
expect.equal(semaphore:get_value(), 1)

-- The waiter acquires the lock, and gets "abandoned".
if mm.current_world() ~= "serial" then
  local lock, held, told = mm.Lock(), mm.Event(), mm.Queue()
  local holder = mm.Process(function(l, h)
    l:acquire()
    h:set()
    while true do mm.sleep(1) end
  end, lock, held)
  holder:start()
  expect.equal(held:wait(expect.HANG), true)
  local waiter = mm.Process(function(l, q)
    q:put("waits")
    q:put({ l:acquire(expect.HANG) })
    l:release()
  end, lock, told)
  waiter:start()
  expect.equal(told:get(expect.HANG), "waits")
  holder:kill()
  expect.equal(told:get(expect.HANG), { true, "abandoned" }, "within a second")
  expect.equal({ lock:acquire(expect.HANG) }, { true })
  lock:release()
  holder:join()
  waiter:join()

  -- A semaphore gets back the permits of a killed holder.
  local permits, ready = mm.Semaphore(2), mm.Event()
  local taker = mm.Process(function(s, r)
    s:acquire()
    r:set()
    while true do mm.sleep(1) end
  end, permits, ready)
  taker:start()
  expect.equal(ready:wait(expect.HANG), true)
  taker:kill()
  taker:join()
  expect.equal({ permits:acquire(expect.HANG) }, { true, "abandoned" })
  expect.equal({ permits:acquire(expect.HANG) }, { true })
end
