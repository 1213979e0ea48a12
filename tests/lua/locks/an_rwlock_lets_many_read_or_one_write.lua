-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local lock = mm.RWLock()
expect.equal(tostring(lock), "RWLock: free")
expect.equal({ lock:acquire_read() }, { true })
expect.equal(tostring(lock), "RWLock: 1 reader")
expect.equal({ lock:acquire_read(0) }, { true }, "nobody waits: a reader may read once more")
expect.equal(tostring(lock), "RWLock: 2 readers")
lock:release_read()
lock:release_read()
expect.equal({ lock:acquire_write() }, { true })
expect.truthy(tostring(lock):match("^RWLock: writer, held by process %d+, this thread$"), tostring(lock))
expect.equal({ lock:acquire_read(0) }, { nil, "timeout" })
expect.equal({ lock:acquire_read(false) }, { nil, "timeout" }, "as in Python: acquire(block, timeout)")
expect.equal({ lock:acquire_write(true, 0.01) }, { nil, "timeout" })
local start = mm.time()
expect.equal({ lock:acquire_read(0.05) }, { nil, "timeout" })
expect.truthy(mm.time() - start >= 0.05, "a timeout is never early")
lock:release_write()
expect.equal(tostring(lock), "RWLock: free", "those that gave up stand in nobody's way")

-- with_read, with_write
expect.equal({ lock:with_read(function(...) return tostring(lock), ... end, 1, nil) }, { "RWLock: 1 reader", 1 })
expect.equal({ lock:with_write(function(...) return ... end, nil, 2) }, { nil, 2 })
for _, with in ipairs({ "with_read", "with_write" }) do
  local failed = { pcall(lock[with], lock, function() error({ "mine" }) end) }
  expect.equal(failed[2], { "mine" }, "the error passes as it is")
  expect.equal(tostring(lock), "RWLock: free", "and the lock is free")
  expect.raises(with .. ": function expected, got nil", lock[with], lock)
end

-- Wrong use.
expect.raises("RWLock:release_read: not held for reading", lock.release_read, lock)
expect.raises("RWLock:release_write: not held for writing", lock.release_write, lock)
lock:acquire_read()
expect.raises("RWLock:acquire_write: the caller holds it for reading already", lock.acquire_write, lock)
expect.raises("RWLock:acquire_write: the caller holds it for reading already", lock.acquire_write, lock, 0)
expect.raises("RWLock:release_write: not held for writing", lock.release_write, lock)
lock:release_read()
lock:acquire_write()
expect.raises("RWLock:release_read: not held for reading", lock.release_read, lock)
local forever = mm.current_world() == "serial" and "_%a+ would wait for ever in the serial world"
  or "the caller holds it for writing already: it would wait for ever"
expect.raises(forever, lock.acquire_read, lock)
expect.raises(forever, lock.acquire_write, lock)
lock:release_write()
expect.raises("RWLock: no argument expected", mm.RWLock, 1)
expect.raises("number of seconds expected", lock.acquire_read, lock, "x")
expect.raises("RWLock expected", lock.acquire_read, mm.Lock())
expect.raises("event or descriptor expected, got userdata", mm.wait, { lock })

local closed = mm.RWLock()
closed:close()
closed:close()
for _, method in ipairs({ "acquire_read", "acquire_write", "release_read", "release_write" }) do
  expect.raises("RWLock: used after it was closed", closed[method], closed)
end
expect.equal(tostring(closed), "closed lock")
if mm.current_world() == "serial" then return end

-- Others.
local said, go = mm.Queue(), mm.Queue()
local function client(l, use, s, g)
  s:put(use .. " comes")
  l["acquire_" .. use](l)
  s:put(use)
  g:get()
  l["release_" .. use](l)
end
local clients = {}
local function start_client(use)
  local p = mm.Process(client, lock, use, said, go)
  p:start()
  clients[#clients + 1] = p
  expect.equal(said:get(expect.HANG), use .. " comes")
end
local function heard(...)
  for _, what in ipairs({ ... }) do expect.equal(said:get(expect.HANG), what) end
end
local function let_go(count)
  for _ = 1, count do go:put(true) end
end

-- Readers overlap: none goes before all are in.
start_client("read")
heard("read")
start_client("read")
heard("read")
expect.equal(lock:acquire_read(expect.HANG), true)
expect.equal(tostring(lock), "RWLock: 3 readers")

-- A writer waits for all of them. Once it waits no reader passes it: not even one that reads already.
start_client("write")
while lock:acquire_read(0) do
  lock:release_read()
  mm.sleep(0.001)
end
expect.equal({ lock:acquire_read(0.01) }, { nil, "timeout" })
expect.raises("the caller holds it for reading already, and a writer waits", lock.acquire_read, lock)
start_client("read")
start_client("read")
let_go(2)
lock:release_read()
heard("write")
expect.equal({ lock:acquire_read(0) }, { nil, "timeout" }, "a writer is alone")
expect.raises("RWLock:release_write: another one holds it", lock.release_write, lock)

-- After it both readers go together.
let_go(1)
heard("read", "read")
let_go(2)
for _, p in ipairs(clients) do p:join() end
expect.equal(tostring(lock), "RWLock: free")

-- A writer that gives up lets the readers behind it go.
lock:acquire_read()
local hasty = mm.Process(function(l, s)
  s:put({ l:acquire_write(0.05) })
end, lock, said)
hasty:start()
expect.equal(said:get(expect.HANG), { nil, "timeout" })
hasty:join()
start_client("read")
heard("read")
let_go(1)
lock:release_read()

-- Writers and readers in turns: what is written is never half written.
local pair = mm.Array("i64", 2)
local function work(l, p, n)
  for i = 1, 50 do
    if (i + n) % 3 == 0 then
      l:with_write(function()
        p[1] = p[1] + 1
        mm.sleep(0)
        p[2] = p[2] + 1
      end)
    else
      l:with_read(function()
        local first = p[1]
        mm.sleep(0)
        if first ~= p[2] then error("half written") end
      end)
    end
  end
end
local workers = {}
for n = 1, 4 do
  workers[n] = mm.Process(work, lock, pair, n)
  workers[n]:start()
end
for n = 1, 4 do
  workers[n]:join()
  expect.equal(workers[n].exitcode, 0)
end
expect.equal({ pair[1], pair[2] }, { 67, 67 })
