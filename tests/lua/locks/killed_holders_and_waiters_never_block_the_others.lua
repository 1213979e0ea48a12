-- SPDX-License-Identifier: MIT
-- worlds: processes
-- hosts: manymoons
local mm = require "manymoons"
local expect = require "expect"

math.randomseed(os.time())
local lock, rlock, permits, condition = mm.Lock(), mm.RLock(), mm.BoundedSemaphore(2), mm.Condition()
local rwlock = mm.RWLock()
local progress = mm.Semaphore(0)

local function work(l, r, p, c, rw, done)
  while true do
    l:acquire()
    l:release()
    r:acquire()
    r:acquire()
    r:release()
    r:release()
    p:acquire()
    p:release()
    rw:acquire_read()
    rw:release_read()
    rw:acquire_write()
    rw:release_write()
    c:acquire()
    c:notify()
    c:wait(0.001)
    c:release()
    done:release()
  end
end

local workers = {}
local function start(i)
  workers[i] = mm.Process(work, lock, rlock, permits, condition, rwlock, progress)
  workers[i]:start()
end
for i = 1, 4 do start(i) end
local seconds = tonumber(os.getenv("SECONDS") or "2")
local last = mm.time() + seconds
while mm.time() < last do
  local i = math.random(4)
  mm.sleep(math.random() * 0.005)
  workers[i]:kill()
  workers[i]:join()
  start(i)
end
-- The remaining workers continue.
local before = progress:get_value()
while progress:get_value() <= before + 20 do mm.sleep(0.01) end
for i = 1, 4 do
  workers[i]:kill()
  workers[i]:join()
end
expect.equal((lock:acquire(expect.HANG)), true)
expect.equal((rlock:acquire(expect.HANG)), true)
expect.equal((permits:acquire(expect.HANG)), true)
expect.equal((permits:acquire(expect.HANG)), true)
expect.equal(permits:get_value(), 0)
expect.equal((condition:acquire(expect.HANG)), true)
expect.equal((rwlock:acquire_write(expect.HANG)), true)
expect.equal({ rwlock:acquire_read(0) }, { nil, "timeout" })
rwlock:release_write()
expect.equal({ rwlock:acquire_read(0) }, { true })
