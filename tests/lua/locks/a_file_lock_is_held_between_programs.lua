-- SPDX-License-Identifier: MIT
-- worlds: serial async threads interpreters processes
-- FileLock(path): one holder among threads, tasks, VMs and programs; it is let go when its holder dies.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local path = os.tmpname()
local lock = mm.FileLock(path)

-- One at a time: a number in a file is read, changed and written.
local function write(text)
  local f = assert(io.open(path .. ".n", "w"))
  f:write(text)
  f:close()
end
local function count(own, rounds)
  for _ = 1, rounds do
    own:with(function()
      local f = assert(io.open(path .. ".n"))
      local n = f:read("*n")
      f:close()
      if world ~= "serial" then mm.sleep(0.0005) end
      write(tostring(n + 1))
    end)
  end
end
write("0")
local workers = {}
for i = 1, 3 do
  workers[i] = mm.Process(count, lock, 20)
  workers[i]:start()
end
for i = 1, 3 do
  workers[i]:join()
  expect.equal(workers[i].exitcode, 0)
end
local f = assert(io.open(path .. ".n"))
expect.equal(f:read("*n"), 60)
f:close()

-- Another FileLock of the same file, also one that was sent, is kept out, until its time is up.
lock:acquire()
local other = mm.FileLock(path)
expect.equal({ other:acquire(0) }, { nil, "timeout" })
expect.equal({ other:acquire(0.01) }, { nil, "timeout" })
expect.equal({ other:acquire(false) }, { nil, "timeout" })
expect.equal({ lock:locked(), other:locked() }, { true, true })
local answers = mm.Queue()
local p = mm.Process(function(l, q)
  q:put(select(2, l:acquire(0)))
  q:put("waits")
  if mm.current_world() ~= "serial" then q:put(l:acquire()) l:release() end
end, other, answers)
p:start()
expect.equal(answers:get(expect.HANG), "timeout")
expect.equal(answers:get(expect.HANG), "waits")
lock:release()
if world ~= "serial" then expect.equal(answers:get(expect.HANG), true) end
p:join()
expect.equal(lock:locked(), false)

-- A program that is killed while it holds the lock.
if world == "processes" then
  local holder = mm.Process(function(l, q)
    l:acquire()
    q:put("held")
    mm.sleep(expect.HANG)
  end, lock, answers)
  holder:start()
  expect.equal(answers:get(expect.HANG), "held")
  expect.equal({ lock:acquire(0) }, { nil, "timeout" })
  holder:kill()
  holder:join()
  expect.equal(lock:acquire(expect.HANG), true)
  lock:release()
end

-- What the caller holds already it cannot wait for.
lock:acquire()
local ok, err = pcall(lock.acquire, lock)
expect.equal({ ok, err.kind }, { false, "deadlock" })
expect.truthy(tostring(err):find("FileLock:acquire", 1, true))
lock:release()

-- Closed, and wrong, uses.
lock:close()
lock:close()
expect.raises("FileLock:acquire: used after it was closed", function() lock:acquire() end)
expect.equal(other:acquire(0), true)
other:close()
expect.raises("FileLock: path: the name of a file expected, got number", function() mm.FileLock(7) end)
expect.raises("FileLock: path: the name of a file expected, got ''", function() mm.FileLock("") end)
expect.raises("FileLock: /: EISDIR", function() mm.FileLock("/"):acquire() end)
local free = mm.FileLock(path)
expect.raises("FileLock:release: nobody holds it by this handle", function() free:release() end)
expect.raises("FileLock:acquire: timeout: a number of seconds expected, got soon", function() free:acquire("soon") end)

os.remove(path)
os.remove(path .. ".n")
