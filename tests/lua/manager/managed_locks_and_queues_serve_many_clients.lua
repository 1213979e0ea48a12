-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager()
local q = m:Queue(2)
expect.equal({ q:put(1), q:put({ k = "v" }), q:put(3, 0) }, { true, true, nil, "full" })
expect.equal({ q:put(3, 0.01) }, { nil, "timeout" })
expect.equal({ q:full(), q:qsize(), q:get(), q:get().k, q:empty() }, { true, 2, 1, "v", true })
expect.equal({ q:get(0) }, { nil, "empty" })
expect.equal({ q:get(0.01) }, { nil, "timeout" })
q:close()
expect.equal({ q:get() }, { nil, "closed" })

local lock, rlock, bounded, event = m:Lock(), m:RLock(), m:BoundedSemaphore(1), m:Event()
expect.equal({ lock:acquire(), lock:acquire(0), lock:locked() }, { true, nil, true })
lock:release()
expect.raises("Lock:release: nobody holds it", lock.release, lock)
expect.equal(lock:with(function(...) return lock:locked(), ... end, 5), true)
expect.equal({ rlock:acquire(), rlock:acquire() }, { true, true })
rlock:release()
rlock:release()
expect.equal({ bounded:acquire(), bounded:acquire(0.01) }, { true, nil, "timeout" })
bounded:release()
expect.raises("released more often than acquired", bounded.release, bounded)
expect.equal({ event:wait(0.01) }, { nil, "timeout" })
event:set()
expect.equal({ event:wait(), event:is_set() }, { true, true })
local alone = m:Barrier(1)
expect.equal(alone:wait(), 1)

if mm.current_world() == "serial" then
  lock:acquire()
  expect.raises("would wait for ever in the serial world", lock.acquire, lock)
  lock:release()
  expect.equal(lock:acquire(0), true, "the wait that was refused takes nothing")
  return
end

-- Clients increment a shared counter, by update and under a lock; a waiting client does not delay the others.
local counts, waiting = m:dict({ a = 0, b = 0 }), m:Queue()
local waiter = mm.Process(function(w, c) c.got = w:get(expect.HANG) end, waiting, counts)
waiter:start()
local workers = {}
for i = 1, 3 do
  workers[i] = mm.Process(function(c, l)
    for _ = 1, 100 do
      c:update(function(t) t.a = t.a + 1 end)
      l:with(function() c.b = c.b + 1 end)
    end
  end, counts, lock)
  workers[i]:start()
end
for i = 1, 3 do workers[i]:join() end
expect.equal({ counts.a, counts.b }, { 300, 300 })
waiting:put("it")
waiter:join()
expect.equal(counts.got, "it")

-- A condition, a barrier.
local condition, barrier = m:Condition(), m:Barrier(2)
local told = mm.Process(function(c, b, d)
  c:acquire()
  d.index = b:wait(expect.HANG)
  d.told = c:wait(expect.HANG)
  c:release()
end, condition, barrier, counts)
told:start()
expect.truthy(barrier:wait(expect.HANG))
condition:acquire(expect.HANG) -- the other client waits, and has released the lock
condition:notify()
condition:release()
told:join()
expect.equal({ counts.told, type(counts.index) }, { true, "number" })

-- When a client ends, in whatever way, the server returns what it held.
local function hold(l, s, e)
  l:acquire()
  s:acquire()
  e:set()
  while true do require("manymoons").sleep(1) end
end
event:clear()
local dead = mm.Process(hold, lock, bounded, event)
dead:start()
expect.equal(event:wait(expect.HANG), true)
dead:kill()
expect.equal({ lock:acquire(expect.HANG) }, { true, "abandoned" })
expect.equal({ bounded:acquire(expect.HANG) }, { true, "abandoned" })
dead:join()
lock:release()
bounded:release()
m:close()
