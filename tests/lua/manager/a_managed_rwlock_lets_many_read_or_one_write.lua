-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager()
local lock = m:RWLock()
expect.equal({ lock:acquire_read(), lock:acquire_read(0) }, { true, true })
expect.raises("RWLock:acquire_write: the caller holds it for reading already", lock.acquire_write, lock)
lock:release_read()
lock:release_read()
expect.raises("RWLock:release_read: not held for reading", lock.release_read, lock)
expect.raises("RWLock:release_write: not held for writing", lock.release_write, lock)
expect.equal(lock:acquire_write(), true)
expect.equal({ lock:acquire_read(false) }, { nil, "timeout" })
expect.equal({ lock:acquire_write(true, 0.01) }, { nil, "timeout" })
lock:release_write()
expect.equal({ lock:with_read(function(...) return ... end, 1, nil, 3) }, { 1, nil, 3 })
expect.raises("mine", lock.with_write, lock, function() error("mine") end)
expect.equal(lock:with_write(function() return "free again" end), "free again")
if mm.current_world() == "serial" then return end

-- Another client reads beside us; a writer waits for both, and a reader that comes later for the writer.
local said, go = m:Queue(), m:Queue()
local function client(l, use, s, g)
  s:put({ use, l["acquire_" .. use](l) })
  g:get()
  l["release_" .. use](l)
end
local function start(use)
  local p = mm.Process(client, lock, use, said, go)
  p:start()
  return p
end
lock:acquire_read()
local reader = start("read")
expect.equal(said:get(expect.HANG), { "read", true })
local writer = start("write")
while lock:acquire_read(0) do lock:release_read() end -- until it waits
local late = start("read")
expect.equal({ said:get(0.02) }, { nil, "timeout" })
lock:release_read()
go:put(1)
expect.equal(said:get(expect.HANG), { "write", true })
go:put(1)
expect.equal(said:get(expect.HANG), { "read", true })
go:put(1)
for _, p in ipairs({ reader, writer, late }) do p:join() end

-- A client that ends gives back its share.
local function hold(l, use, s)
  l["acquire_" .. use](l)
  s:put("has it")
  while true do require("manymoons").sleep(1) end
end
for _, case in ipairs({ { "read" }, { "write", "abandoned" } }) do
  local holder = mm.Process(hold, lock, case[1], said)
  holder:start()
  expect.equal(said:get(expect.HANG), "has it")
  holder:kill()
  expect.equal({ lock:acquire_write(expect.HANG) }, { true, case[2] })
  holder:join()
  lock:release_write()
end
m:close()
