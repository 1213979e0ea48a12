-- SPDX-License-Identifier: MIT
-- Every handle has close and __close, each safe to call twice, before and after the other. A later use is an error that
-- names the handle.
local mm = require "manymoons"
local expect = require "expect"

local function job(x) return x end

local pool = mm.Pool(1)
local kinds = {
  Lock = { mm.Lock, "acquire" },
  RLock = { mm.RLock, "acquire" },
  RWLock = { mm.RWLock, "acquire_read" },
  Semaphore = { mm.Semaphore, "acquire" },
  BoundedSemaphore = { mm.BoundedSemaphore, "acquire" },
  Event = { mm.Event, "set" },
  Condition = { mm.Condition, "notify" },
  Barrier = { function() return mm.Barrier(2) end, "reset" },
  Queue = { mm.Queue },
  SimpleQueue = { mm.SimpleQueue },
  JoinableQueue = { mm.JoinableQueue },
  PriorityQueue = { mm.PriorityQueue },
  Connection = { function() return (mm.Pipe()) end, "recv" },
  Value = { function() return mm.Value("i8") end, "add" },
  Array = { function() return mm.Array("i8", 1) end, "slice" },
  Table = { mm.Table, "keys" },
  SharedMemory = { function() return mm.SharedMemory({ create = true, size = 1 }) end, "read" },
  Descriptor = { function() return mm.Descriptor(1) end, "fileno" },
  Listener = { mm.Listener, "accept" },
  Manager = { function() return mm.world("serial").Manager() end, "dict" },
  Actor = { function() return mm.Actor(function() return {} end) end, "ping" },
  Future = { function()
    local future = pool:submit(job, 1)
    future:get()
    return future
  end, "get" },
  Process = { function()
    local p = mm.Process(job)
    p:start()
    p:join()
    return p
  end, "join" },
}

local function close(handle) handle:close() end
local function leave(handle) getmetatable(handle).__close(handle) end

for name, kind in pairs(kinds) do
  for _, order in ipairs({ { close, close, leave }, { leave, leave, close } }) do
    local handle = kind[1]()
    for place, step in ipairs(order) do
      local ok, why = pcall(step, handle)
      expect.truthy(ok, name .. ", step " .. place .. ": " .. tostring(why))
    end
    expect.truthy(tostring(handle), name)
    local method = kind[2]
    if method then
      local err = expect.raises("close", function() handle[method](handle, 1) end)
      expect.truthy(tostring(err):find(name), name .. ": " .. tostring(err))
    end
    handle = nil
    collectgarbage()
  end
end

-- A closed queue gives what is left, then says so.
for _, name in ipairs({ "Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue" }) do
  local q = mm[name]()
  q:put(1)
  leave(q)
  expect.equal({ q:get() }, { 1 })
  expect.equal(select(2, q:get()), "closed")
  expect.equal(select(2, q:put(1)), "closed")
end

-- A condition does not close a lock that was passed to it.
local lock = mm.Lock()
mm.Condition(lock):close()
expect.equal(lock:acquire(), true)

-- The wrong thing is refused by name.
expect.raises("lock", mm.Lock().close, {})

-- The end of a scope waits for a process, and ends a daemon and a call that is not done.
local q = mm.Queue()
local p = mm.Process(function(results) results:put("done") end, q)
p:start()
leave(p)
expect.equal(q:get_nowait(), "done")
expect.equal(p.exitcode, 0)
if mm.current_world() ~= "serial" then
  local daemon = mm.Process({ daemon = true, target = function() require("manymoons").sleep(1e6) end })
  daemon:start()
  leave(daemon)
  expect.truthy(daemon.exitcode ~= 0)
  local slow = pool:submit(function() require("manymoons").sleep(1e6) end)
  leave(slow)
end
expect.equal(pool:apply(job, 3), 3)
pool:terminate()

-- Two handles of one queue are equal, and those of two are not.
local queues = mm.processes.Queue()
for _, name in ipairs({ "Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue" }) do
  local one, other = mm.processes[name](), mm.processes[name]()
  queues:put(one)
  local copy = queues:get()
  expect.truthy(not rawequal(copy, one))
  expect.equal({ copy == one, copy == other, one ~= copy, one ~= other }, { true, false, false, true }, name)
end

-- pairs over a Table, where Lua asks for __pairs.
local t = mm.Table({ a = 1, b = 2, [3] = "c" })
local seen = {}
local each = getmetatable(t).__pairs
for key, value in each(t) do seen[key] = value end
expect.equal(seen, { a = 1, b = 2, [3] = "c" })
if _VERSION ~= "Lua 5.1" then
  seen = {}
  for key, value in pairs(t) do seen[key] = value end
  expect.equal(seen, { a = 1, b = 2, [3] = "c" })
end

-- The parent of a process has the same name in every world.
local names = mm.Queue()
local child = mm.Process({ name = "child", args = { names }, target = function(out)
  local lib = require "manymoons"
  out:put({ lib.current_process().name, lib.parent_process().name })
end })
child:start()
child:join()
expect.equal(names:get(), { "child", "MainProcess" })
expect.equal(mm.parent_process(), nil)

-- send_bytes takes strings, and nothing that looks like one.
local here, there = mm.Pipe()
expect.raises("Connection:send_bytes: string expected, got number", here.send_bytes, here, 5)
expect.raises("Connection:send_bytes: string expected, got nil", here.send_bytes, here)
here:send_bytes("5")
expect.equal(there:recv_bytes(), "5")
