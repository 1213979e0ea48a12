-- SPDX-License-Identifier: MIT
-- A program may remove standard functions and libraries, before the library is loaded and after that: a sandbox for
-- scripts of players does.
local kept = { error = error, tostring = tostring, type = type, pairs = pairs, exit = os.exit }
_G.debug = nil
local mm = require "manymoons"
local expect = require "expect"
local restore = {}
for _, name in ipairs({ "assert", "error", "getmetatable", "ipairs", "next", "pcall", "rawget", "rawset", "select",
  "setmetatable", "tonumber", "unpack", "xpcall", "os", "io", "table", "math", "coroutine", "package" }) do
  restore[name] = _G[name]
end
local loaded, format, rep = package.loaded, string.format, string.rep
for name in pairs(restore) do _G[name] = nil end
string.format, string.rep = nil, nil
package_loaded = loaded
restore.package.loaded = nil

local results, failures = {}, {}
local function try(what, f, ...) -- expect needs what was removed
  local ok, result = restore.pcall(f, ...)
  if ok then results[what] = result else failures[what] = result end
end
try("queue", function()
  local q = mm.Queue()
  q:put({ 1, "two" })
  return q:get(expect.HANG)[2]
end)
try("lock", function()
  local lock = mm.Lock()
  lock:acquire()
  lock:release()
  return true
end)
try("array", function() return mm.Array("i32", { 1, 2, 3 })[3] end)
try("bytes", function() return mm.loads(mm.dumps({ a = 1 })).a end)
try("manager", function()
  if mm.current_world() == "serial" then return 5 end
  local manager = mm.Manager()
  local list = manager:list({ 5 })
  local first = list[1]
  manager:close()
  return first
end)
try("process", function()
  local p = mm.Process(function() end)
  p:start()
  p:join(expect.HANG)
  return p.exitcode
end)
try("pool", function()
  local pool = mm.Pool(2)
  local squares = pool:map(function(x) return x * x end, { 1, 2, 3 })
  local sum = pool:reduce(function(x) return x end, { 1, 2, 3 }, function(a, b) return a + b end)
  local future = pool:submit(function(x) return x + 1 end, 1)
  local got = future:get(expect.HANG)
  pool:close()
  pool:join()
  return squares[3] + sum + got
end)
try("error", function()
  local pool = mm.Pool(1)
  local ok, err = restore.pcall(pool.apply, pool, function() return nil + 1 end)
  local text = kept.tostring(err)
  pool:terminate()
  return not ok and text:find("attempt to perform arithmetic", 1, true) ~= nil
end)
try("tasks", function()
  local sum = 0
  mm.async.run(function()
    local a, b = mm.async.spawn(function() return 1 end), mm.async.spawn(function() return 2 end)
    sum = a:get() + b:get()
  end)
  return sum
end)
try("wrong use", function()
  local ok, err = restore.pcall(mm.Queue, "many")
  return not ok and kept.tostring(err):find("Queue", 1, true) ~= nil
end)

for name, value in pairs(restore) do _G[name] = value end
string.format, string.rep, package.loaded = format, rep, loaded
for what, why in pairs(failures) do error(what .. ": " .. tostring(why)) end
expect.equal(results, {
  queue = "two", lock = true, array = 3, bytes = 1, manager = 5, process = 0, pool = 17, error = true, tasks = 3,
  ["wrong use"] = true,
})
