-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- Two threads do nothing but acquire and release the lock; a third one still acquires it many times.
local mm = require "manymoons"
local expect = require "expect"

local lock, stop, ready = mm.Lock(), mm.Event(), mm.Queue()
local workers = {}
for i = 1, 2 do
  workers[i] = mm.Process(function(l, s, r)
    r:put(true)
    while not s:is_set() do
      l:acquire()
      for _ = 1, 100 do tostring(l) end
      l:release()
    end
  end, lock, stop, ready)
  workers[i]:start()
end
ready:get(expect.HANG)
ready:get(expect.HANG)
for _ = 1, 50 do
  expect.equal(lock:acquire(expect.HANG), true)
  lock:release()
end
stop:set()
for i = 1, 2 do workers[i]:join() end
