-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- variants: release debug asan
-- memory = n bounds the shared memory that a worker makes: values, tables, arrays and objects count until they are
-- taken, freed or dropped.
local mm = require("manymoons")
local expect = require("expect")

local MB = 1024 * 1024
local LIMIT = 8 * MB

-- The shared memory of the whole program stays small, whatever the worker tries.
local function shared_memory()
  local used = 0
  for line in io.open("/proc/self/smaps"):lines() do
    if line:find("/memfd:manymoons", 1, true) then used = -1 end
    local pages = used == -1 and line:match("^Rss:%s+(%d+) kB")
    if pages then return tonumber(pages) * 1024 end
  end
  return 0
end

local function refused(ok, why)
  why = tostring(why)
  expect.equal(ok, false)
  local is_named = why:find("ENOMEM", 1, true) and why:find("memory = " .. LIMIT, 1, true)
  expect.equal((is_named or why:find("not enough memory", 1, true)) ~= nil, true, why)
end

local pool = mm.Pool({ workers = 1, memory = LIMIT })
local queue = mm.Queue()
local send, receive = mm.Pipe()
local shared = mm.Table()

-- Puts until it fails; the number of values that are in.
local function fill_queue(q, size)
  local count = 0
  while true do
    local ok, why = q:put(("x"):rep(size))
    if not ok then return count, why end
    count = count + 1
  end
end
local function drain()
  local n = 0
  while not queue:empty() do
    queue:get()
    n = n + 1
  end
  return n
end

for _, size in ipairs({ 20, 3000, 10000, 300000, 2 * MB }) do
  for _ = 1, 3 do
    local count, why = pool:apply(fill_queue, queue, size)
    refused(false, why)
    expect.equal(why:find("Queue: ", 1, true) ~= nil, true, why)
    expect.equal(count * size <= LIMIT, true, count)
    expect.equal(count * size >= LIMIT / 16, true, size .. ": " .. count)
    expect.equal(drain(), count)
  end
end

-- One value of more than the limit: the worker's own memory is as small.
refused(pcall(pool.apply, pool, function(q) return assert(q:put(("x"):rep(9 * 1024 * 1024))) end, queue))
refused(pcall(pool.apply, pool, function() return ("x"):rep(9 * 1024 * 1024) end))
refused(pcall(pool.apply, pool, function(q)
  local part = ("x"):rep(60) -- a longer string that repeats is sent once
  local value = {}
  for i = 1, 200000 do value[i] = part end
  assert(q:put(value))
end, queue))

-- A result counts until it is taken.
for _ = 1, 20 do expect.equal(#pool:apply(function() return ("x"):rep(1024 * 1024) end), MB) end

-- A pipe.
refused(pcall(pool.apply, pool, function(pipe)
  while true do assert(pipe:send(("x"):rep(100000))) end
end, send))
while receive:poll() do receive:recv() end

-- A table: what is replaced or removed is not charged.
pool:apply(function(t)
  for i = 1, 1000 do t[i % 10] = ("x"):rep(100000) end
end, shared)
refused(pcall(pool.apply, pool, function(t)
  for i = 1, 1e9 do t[i] = ("x"):rep(1000) end
end, shared))
for _, key in ipairs(shared:keys()) do shared[key] = nil end
expect.equal(pool:apply(function(t)
  t.a = ("x"):rep(1000000)
  return #t.a
end, shared), 1000000)

-- Arrays and other objects: those that are dropped are not charged.
refused(pcall(pool.apply, pool, function()
  local all = {}
  while true do all[#all + 1] = mm.Array("d", 10000) end
end))
refused(pcall(pool.apply, pool, function() return mm.Array("d", 10 * 1024 * 1024) end))
expect.equal(pool:apply(function()
  for _ = 1, 200 do
    mm.Array("d", 100000)
  end
  return true
end), true)
refused(pcall(pool.apply, pool, function()
  local all = {}
  local _, why = pcall(function()
    while true do all[#all + 1] = assert(mm.SharedMemory({ create = true, size = 1024 * 1024 })) end
  end)
  for _, m in ipairs(all) do m:unlink() end
  error(why, 0)
end))
expect.equal(pool:apply(function()
  for _ = 1, 20 do
    local m = assert(mm.SharedMemory({ create = true, size = 1024 * 1024 }))
    m:unlink()
    m:close()
  end
  return true
end), true)
pool:close()
pool:join()
expect.equal(shared_memory() < 256 * MB, true)

-- A process.
local q = mm.Queue()
local p = mm.Process({ target = function(out)
  local value = ("x"):rep(100000)
  while true do
    local ok, why = out:put(value)
    if not ok then os.exit(why:find("memory = ", 1, true) and 3 or 4) end
  end
end, args = { q }, memory = LIMIT })
p:start()
expect.equal(p:join(expect.HANG), true)
expect.equal(p.exitcode, 3)
expect.equal(q:qsize() * 100000 <= LIMIT, true)

-- The program itself has no limit.
for _ = 1, 20 do expect.equal(q:put(("x"):rep(MB)), true) end
