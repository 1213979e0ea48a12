-- SPDX-License-Identifier: MIT
-- Numbers that a function cannot use raise an error that names the function, the argument and what is expected: a
-- fraction, not a number, infinity, less than 0, and more than fits.
local mm = require "manymoons"
local expect = require "expect"

local nan, inf = 0 / 0, math.huge
local FRACTION, NAN, INFINITE, NEGATIVE, TEXT = 1.5, nan, inf, -1, "x"

-- Each call: the error it raises with each of the numbers.
local function refuses(error_text, call, numbers)
  for i = 1, #numbers do
    local ok, err = pcall(call, numbers[i])
    if ok or not tostring(err):find(error_text, 1, true) then
      error(("with %s: wanted %q, got %s %s"):format(tostring(numbers[i]), error_text, tostring(ok), tostring(err)), 2)
    end
  end
end

local function accepts(call, numbers)
  for i = 1, #numbers do
    local ok, err = pcall(call, numbers[i])
    if not ok then error(("with %s: %s"):format(tostring(numbers[i]), tostring(err)), 2) end
  end
end

local never_whole = { FRACTION, NAN, INFINITE, -inf, NEGATIVE, TEXT, 2 ^ 63, 2 ^ 64, 1e300 }

-- Pools
refuses("Pool: workers: ", mm.Pool, never_whole)
refuses("Pool: workers: a whole number, 1 or more, expected, got 0", mm.Pool, { 0 })
refuses("Pool: workers: at most 4096 expected, got 1000000000; many_workers = true allows more", mm.Pool, { 1e9 })
refuses("Pool: workers: at most 4096 expected, got 4097; many_workers = true", mm.Pool, { 4097 })
refuses("Pool: workers: at most 1000000 expected, got ",
  function(n) return mm.Pool{ workers = n, many_workers = true } end, { 1e9, 2 ^ 53 })
refuses("Pool: many_workers: a boolean expected, got ",
  function(n) return mm.Pool{ workers = 1, many_workers = n } end, { 1, "yes" })
refuses("Pool: maxtasksperchild: a whole number, 1 or more, expected, got ",
  function(n) return mm.Pool{ workers = 1, maxtasksperchild = n } end, { 0, 1.5, nan, inf, -1, "x", 2 ^ 64 })
do
  local pool = mm.Pool{ workers = 2, maxtasksperchild = 2 ^ 53, many_workers = true }
  local function map(options) return pool:map(math.abs, { -1, -2, -3 }, options) end
  for _, name in ipairs{ "chunksize", "retries" } do
    local function with(n) return expect.equal(map{ [name] = n }, { 1, 2, 3 }) end
    refuses("Pool:map: " .. name .. ": a whole number, ", with, never_whole)
    accepts(with, { 1, 2 ^ 31, 2 ^ 32, 2 ^ 53 })
  end
  local function window(n) return pool:imap(math.abs, { -1 }, { window = n })() end
  refuses("Pool:imap: window: a whole number, 1 or more, expected, got ", window, never_whole)
  accepts(window, { 1, 2 ^ 32, 2 ^ 53 })
  refuses("Pool:map: timeout: a number of seconds above 0 expected, got ", function(n) return map{ timeout = n } end,
    { 0, -1, nan, -inf, "x" })
  accepts(function(n) return map{ timeout = n } end, { 1e9, 2 ^ 63, 1e300, inf })
  accepts(function(n) return pool:submit(math.abs, -1):get(n) end, { 1e9, 2 ^ 63, 1e300, inf })
  refuses("timeout: a number of seconds expected, got nan", function(n) return pool:submit(math.abs, 1):get(n) end,
    { nan })
  pool:terminate()
end

-- Queues
for _, kind in ipairs{ "Queue", "JoinableQueue", "PriorityQueue" } do
  local bounds = kind .. ": maxsize: a whole number from 0 (no bound) to 2147483647 expected, got "
  refuses(bounds, mm[kind], never_whole)
  refuses(bounds, mm[kind], { 2 ^ 31, 2 ^ 32, 2 ^ 40, 2 ^ 53 })
  refuses(bounds, function(n) return mm[kind]{ maxsize = n } end, { 1.5, 2 ^ 40 })
  refuses(kind .. ": max_bytes: a number of bytes, 0 (no bound) or more, expected, got ",
    function(n) return mm[kind]{ max_bytes = n } end, never_whole)
  accepts(mm[kind], { 0, 1, -0.0, 2 ^ 31 - 1 })
end

-- Locks
for _, kind in ipairs{ "Semaphore", "BoundedSemaphore" } do
  refuses(kind .. ": a whole number of permits, 0 or more, expected, got ", mm[kind], never_whole)
  refuses(kind .. ": a whole number of permits, 0 or more, expected, got ", mm[kind], { 2 ^ 31, 2 ^ 40 })
end
refuses("Barrier: parties: a whole number from 1 to 10000 expected, got ", mm.Barrier, never_whole)
refuses("Barrier: parties: a whole number", mm.Barrier, { 0, 2 ^ 31, 2 ^ 40 })
do
  local semaphore = mm.Semaphore(1)
  refuses("Semaphore:release: argument 1: ", function(n) return semaphore:release(n) end, never_whole)
  refuses("Semaphore:release: argument 1: ", function(n) return semaphore:release(n) end, { 0, 2 ^ 31, 2 ^ 32 })
end

-- Shared memory
for kind, range in pairs{ i64 = "-9223372036854775808 to 9223372036854775807", u64 = "0 to 18446744073709551615",
  i32 = "-2147483648 to 2147483647", u8 = "0 to 255" } do
  local text = " does not fit into " .. kind .. " (" .. range .. ")"
  refuses(text, function(n) return mm.Value(kind, n) end, { 2 ^ 64, -2 ^ 64, 1e300, -1e300 })
  refuses(text, function(n) return mm.Array(kind, 2):fill(n) end, { 2 ^ 64, -2 ^ 64, 1e300 })
  refuses(" is not a whole number, as " .. kind .. " needs", function(n) return mm.Value(kind, n) end,
    { 1.5, nan, inf })
end
expect.equal(mm.Value("i64", -2 ^ 63).value, -2 ^ 63)
expect.equal(mm.Value("u64", 2 ^ 63).value, 2 ^ 63)
expect.equal(mm.Value("i64", 2 ^ 53).value, 2 ^ 53)
refuses(" does not fit into i64 (", function(n) return mm.Value("i64", n) end, { 2 ^ 63 })
refuses("Array: a number of elements or a list expected, got ", function(n) return mm.Array("u8", n) end, never_whole)
refuses("Array: ", function(n) return mm.Array("u8", n) end, { 2 ^ 50, 2 ^ 53 })
do
  local array = mm.Array("i32", 10)
  refuses("Array: index ", function(n) return array[n] end,
    { 0, -1, 11, 1.5, nan, inf, 2 ^ 31, 2 ^ 32 + 1, 2 ^ 63, 1e300 })
  refuses("Array: ", function(n) return array:slice(n) end, { 0, -1, 1.5, nan, inf, 2 ^ 32 + 1, 2 ^ 63, 1e300 })
  refuses("Array: ", function(n) return array:fill(0, n) end, { 0, -1, 1.5, nan, inf, 2 ^ 32 + 1, 2 ^ 63, 1e300 })
end
refuses("Table: max_bytes: a number of bytes, 0 (no bound) or more, expected, got ",
  function(n) return mm.Table{ max_bytes = n } end, never_whole)
refuses("SharedMemory: size: a number of bytes, 1 or more, expected, got ",
  function(n) return mm.SharedMemory{ create = true, size = n } end, never_whole)
do
  local block = mm.SharedMemory{ create = true, size = 100 }
  refuses("SharedMemory:read: offset: a whole number, 0 or more, expected, got ",
    function(n) return block:read(n, 1) end, never_whole)
  refuses("SharedMemory:read: a number of bytes expected, got ", function(n) return block:read(0, n) end, never_whole)
  refuses("SharedMemory:write: offset: a whole number, 0 or more, expected, got ",
    function(n) return block:write(n, "a") end, never_whole)
  refuses("SharedMemory:read: 1 bytes from offset ", function(n) return block:read(n, 1) end, { 100, 2 ^ 32, 2 ^ 53 })
  block:unlink()
  block:close()
end

-- Descriptors, ports, time
refuses("wait_fd: argument 1: a file descriptor expected, got ", function(n) return mm.async.wait_fd(n, "r", 0) end,
  { 1.5, nan, inf, -1, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 1e300 })
refuses("wait: thing 1: ", function(n) return mm.wait({ n }, 0) end,
  { 1.5, nan, inf, -1, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 1e300 })
for name, call in pairs{ Listener = mm.Listener, Client = mm.Client } do
  refuses(name .. ": address: a port from 0 to 65535 expected, got ",
    function(n) return call("127.0.0.1:" .. string.format("%d", n)) end, { 65536, 70000, -1 })
  refuses(name .. ": address: a port from 0 to 65535 expected, got ",
    function(n) return call({ "127.0.0.1", n }) end, { 65536, 1.5, nan, inf, -1, 2 ^ 32, 2 ^ 63 })
end
refuses("a port from 0 to 65535 expected, got ",
  function(n) return mm.Queue{ broker = "redis://127.0.0.1:" .. n .. "/0", name = "q" } end, { "65536", "70000" })
refuses("setswitchinterval: a number of seconds above 0 expected, got ", mm.setswitchinterval,
  { 0, -1, nan, inf, "x", 2 ^ 63 })
