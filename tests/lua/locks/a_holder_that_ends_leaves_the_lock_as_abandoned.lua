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

-- A reader leaves its share and nothing to tell; after a writer the next one is told, whatever it does.
local rwlock = mm.RWLock()
local ways = {
  ["it ended"] = function(l, use) l["acquire_" .. use](l) end,
  ["it failed"] = mm.current_world() ~= "serial" and function(l, use)
    l["acquire_" .. use](l)
    os.exit(3)
  end or nil,
}
for why, way in pairs(ways) do
  for _, next_use in ipairs({ "read", "write" }) do
    ends(function(l) way(l, "read") end, rwlock)
    expect.equal({ rwlock:acquire_write(expect.HANG) }, { true }, "a reader: " .. why)
    rwlock:release_write()
    ends(function(l) way(l, "write") end, rwlock)
    local told = { rwlock["acquire_" .. next_use](rwlock, expect.HANG) }
    expect.equal(told, { true, "abandoned" }, "a writer: " .. why)
    rwlock["release_" .. next_use](rwlock)
    expect.equal({ rwlock:acquire_read(expect.HANG) }, { true }, "that is told once")
    rwlock:release_read()
  end
end
mm.async.run(function()
  for _, case in ipairs({ { "read" }, { "write", "abandoned" } }) do
    local task = mm.async.spawn(function()
      rwlock["acquire_" .. case[1]](rwlock)
      mm.sleep(expect.HANG)
    end)
    while tostring(rwlock) == "RWLock: free" do mm.sleep(0) end
    task:cancel()
    expect.equal({ rwlock:acquire_write(expect.HANG) }, { true, case[2] }, "a task was cancelled")
    rwlock:release_write()
  end
end)

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

  -- A killed reader or writer, and one that is killed while it waits.
  local function hold(l, use, s)
    s:put("comes")
    l["acquire_" .. use](l)
    s:put(use)
    while true do mm.sleep(1) end
  end
  for _, case in ipairs({ { "read" }, { "write", "abandoned" } }) do
    holder = mm.Process(hold, rwlock, case[1], told)
    holder:start()
    expect.equal({ told:get(expect.HANG), told:get(expect.HANG) }, { "comes", case[1] })
    local in_line = mm.Process(hold, rwlock, "write", told)
    in_line:start()
    expect.equal(told:get(expect.HANG), "comes")
    in_line:kill()
    in_line:join()
    waiter = mm.Process(function(l, q)
      q:put("waits")
      q:put({ l:acquire_write(expect.HANG) })
      l:release_write()
    end, rwlock, told)
    waiter:start()
    expect.equal(told:get(expect.HANG), "waits")
    holder:kill()
    expect.equal(told:get(expect.HANG), { true, case[2] }, "a killed holder for " .. case[1])
    holder:join()
    waiter:join()
    expect.equal(rwlock:acquire_read(expect.HANG), true)
    rwlock:release_read()
  end

  -- A semaphore of which permits are missing gets back those of who was killed.
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
