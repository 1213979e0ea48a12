-- SPDX-License-Identifier: MIT
-- Thousands of each, made, held, filled and dropped, also while they are held: neither descriptors nor memory grow.
local mm = require "manymoons"

require "growth"(function(count)
  local q = mm.Queue()
  for i = 1, count do
    local lock, rlock, permits, bounded = mm.Lock(), mm.RLock(), mm.Semaphore(3), mm.BoundedSemaphore(2)
    lock:acquire()
    rlock:acquire()
    permits:acquire()
    bounded:acquire()
    local rwlock = mm.RWLock()
    rwlock:acquire_write()
    if i % 2 == 0 then lock:release() end
    if i % 5 == 0 then rwlock:close() end
    local event, barrier, condition = mm.Event(), mm.Barrier(1), mm.Condition(rlock)
    event:set()
    barrier:wait()
    condition:notify()
    local value, array, t = mm.Value("i32", i), mm.Array("f64", i % 1000), mm.Table({ i = i })
    value:lock():acquire()
    for k = 1, i % 100 do t[k] = ("x"):rep(k) end
    q:put({ lock, value, array, t, condition, i % 5 > 0 and rwlock or nil })
    if i % 3 > 0 then q:get() end
    if q:qsize() > 50 then
      while q:get(0) do end
    end
  end
end, 500, 2500, 8 * 1024)
