-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

-- The holder finds the single seat free.
local function work(lock, seat, done, rounds)
  for _ = 1, rounds do
    lock:acquire()
    if not seat:acquire(0) then error("somebody else is inside") end
    seat:release()
    lock:release()
  end
  done:put(true)
end

for _, kind in ipairs({ "Lock", "RLock", "Semaphore", "BoundedSemaphore" }) do
  local lock, seat, done, workers = mm[kind](), mm.Semaphore(1), mm.Queue(), {}
  for i = 1, 3 do
    workers[i] = mm.Process(work, lock, seat, done, 2000)
    workers[i]:start()
  end
  for i = 1, 3 do expect.equal({ i, done:get(expect.HANG) }, { i, true }) end
  for i = 1, 3 do workers[i]:join() end
  expect.equal({ lock:acquire(0) }, { true })
end

-- Also in a worker that never required the module.
local with, seat = mm.Lock(), mm.Queue()
local user = mm.Process(function(lock, q) q:put(lock:with(function() return lock:locked() end)) end, with, seat)
user:start()
expect.equal(seat:get(expect.HANG), true)
user:join()
