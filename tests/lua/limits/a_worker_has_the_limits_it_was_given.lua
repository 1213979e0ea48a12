-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- variants: release debug asan
-- memory, timeout, libs and nice of pools and processes: a worker that exceeds a limit fails alone, with the reason.
local mm = require("manymoons")
local expect = require("expect")

local function fails(text, f, ...)
  local ok, why = pcall(f, ...)
  expect.equal(ok, false)
  expect.equal(tostring(why):find(text, 1, true) ~= nil, true, tostring(why))
end

-- Memory: the call that allocates too much fails, and the worker continues.
local pool = mm.Pool({ workers = 1, memory = 8 * 1024 * 1024 })
local function grow()
  local t = {}
  while true do t[#t + 1] = ("x"):rep(10000) .. #t end
end
for _ = 1, 3 do
  fails("not enough memory", pool.apply, pool, grow)
  expect.equal(pool:apply(function(x) return x + 1 end, 1), 2)
end
pool:close()
pool:join()

-- Libraries: the named ones, besides the safe ones.
local function see()
  local names = {}
  for _, name in ipairs({ "io", "os", "require", "debug", "string", "math" }) do
    if _G[name] then names[#names + 1] = name end
  end
  return table.concat(names, " ")
end
pool = mm.Pool({ workers = 1, libs = {} })
expect.equal(pool:apply(see), "string math")
expect.equal(pool:apply(function() return load(string.dump(function() end)) == nil end), true)
pool:terminate()
pool = mm.Pool({ workers = 1, libs = { "os", "io" } })
expect.equal(pool:apply(see), "io os string math")
fails("died", pool.apply, pool, function() os.exit(3) end)
expect.equal(pool:apply(see), "io os string math")
pool:terminate()

-- Time: for each item in a pool, unless the call has a timeout of its own; for a process as a whole.
-- On a busy machine quick calls may exceed a short limit as well; the test then tries twice the limit.
local function submit_with_limit(limit)
  pool = mm.Pool({ workers = 2, timeout = limit })
  local results = {}
  for i = 1, 3 do
    results[i] = pool:submit(function(x)
      while x == 2 do mm.sleep(0.001) end
      return x
    end, i)
  end
  fails("took longer than", results[2].get, results[2])
  local first, third = { pcall(results[1].get, results[1]) }, { pcall(results[3].get, results[3]) }
  pool:terminate()
  if not (first[1] and third[1]) then
    expect.equal((first[1] and third or first)[2].kind, "timeout")
    return submit_with_limit(2 * limit)
  end
  expect.equal({ first[2], third[2] }, { 1, 3 })
end
submit_with_limit(0.2)

local slow = mm.Process({ target = function() while true do mm.sleep(0.01) end end, timeout = 0.1 })
slow:start()
expect.equal(slow:join(expect.HANG), true)
expect.equal(slow.exitcode, -14)
local endless = mm.Process({ timeout = 0.1, target = function()
  while true do pcall(function() while true do end end) end
end })
endless:start()
expect.equal(endless:join(expect.HANG), true)
expect.equal(endless.exitcode, -14)
local quick = mm.Process({ target = function() end, timeout = expect.HANG })
quick:start()
quick:join()
expect.equal(quick.exitcode, 0)

-- Nice: for the worker only.
local function nice_here()
  local stat = io.open("/proc/thread-self/stat"):read("*a"):gsub("^.*%) ", "")
  local n = 0
  for field in stat:gmatch("%S+") do
    n = n + 1
    if n == 17 then return tonumber(field) end
  end
end
local before = nice_here()
pool = mm.Pool({ workers = 1, nice = 7 })
expect.equal(pool:apply(nice_here), 7)
expect.equal(nice_here(), before)
pool:terminate()
local q = mm.Queue()
local p = mm.Process({ target = function(out) out:put(nice_here()) end, args = { q }, nice = 3 })
p:start()
expect.equal(q:get(expect.HANG), 3)
p:join()

-- Wrong arguments are named.
fails("Pool: memory: a number of bytes expected, got lots", mm.Pool, { memory = "lots" })
fails("Process: nice: 0 to 19 expected, got 20", mm.Process, { target = print, nice = 20 })
fails("Pool: libs: a list of names expected, got string", mm.Pool, { libs = "io" })
fails("Pool: libs: 'safe', 'io'", mm.Pool, { libs = { "net" } })
fails("Pool: timeout: a number of seconds above 0 expected, got 0", mm.Pool, { timeout = 0 })
fails("Process: method: a forked worker cannot have limits", mm.Process, { target = print, nice = 1, method = "fork" })
for _, world in ipairs({ "serial", "async", "threads" }) do
  fails("memory: only for the worlds interpreters and processes", mm[world].Pool, { memory = 1000000 })
end
