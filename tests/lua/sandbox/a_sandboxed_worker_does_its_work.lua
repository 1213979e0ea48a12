-- SPDX-License-Identifier: MIT
-- worlds: processes
-- variants: release debug asan
-- What works in a sandbox: results of every kind, errors, retries, timeouts, limits, queues of the program, modules.
local mm = require("manymoons")
local expect = require("expect")

if mm._native.sandbox_obstacle(true) then
  io.stderr:write("SKIPPED: ", mm._native.sandbox_obstacle(true), "\n")
  os.exit(77)
end

local function numbers(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

-- Results: short, long, many, none, tables with cycles, several.
local pool = mm.Pool({ workers = 2, sandbox = true, initializer = function(n) _G.base = n end, initargs = { 100 } })
expect.equal(pool:apply(function(x) return _G.base + x end, 1), 101)
expect.equal(select("#", pool:apply(function() end)), 0)
expect.equal({ pool:apply(function(...) return ... end, 1, "two", false) }, { 1, "two", false })
expect.equal(#pool:apply(function(s) return s .. s end, ("x"):rep(20 * 2 ^ 20)), 40 * 2 ^ 20)
local ring = pool:apply(function()
  local t = { name = "t" }
  t.self = t
  return t
end)
expect.equal(ring.self == ring, true)
local squares = pool:map(function(x) return x * x end, numbers(10000))
expect.equal({ #squares, squares[10000] }, { 10000, 100000000 })
local sum = 0
for value in pool:imap_unordered(function(x) return x end, numbers(100)) do sum = sum + value end
expect.equal(sum, 5050)
expect.equal(pool:reduce(function(x) return x end, numbers(100), function(a, b) return a + b end), 5050)
expect.equal(pool:starmap(function(a, b) return a - b end, { { 3, 1 }, { 9, 4 } }), { 2, 5 })

-- Errors keep their value; functions stay inside; a death is that of one call.
local ok, err = pcall(pool.apply, pool, function() error({ code = 7 }) end)
expect.equal({ ok, err.kind, err.value.code }, { false, "error", 7 })
for _, f in ipairs({ function() return print end, function() return function() end end }) do
  ok, err = pcall(pool.apply, pool, f)
  expect.equal({ ok, err.kind }, { false, "unsendable" })
end
-- An item that cannot be sent fails alone; an instance comes back if its class is for strangers.
local futures = {}
for i = 1, 3 do futures[i] = pool:map_async(function(x) return x == 2 and print or x end, { i, i + 1 }) end
for i = 1, 2 do
  ok, err = pcall(futures[i].get, futures[i])
  expect.equal({ ok, err.kind }, { false, "unsendable" })
end
expect.equal(futures[3]:get(), { 3, 4 })
_G.Known, _G.Unknown = {}, {}
mm.register("Known", _G.Known, { untrusted = true })
mm.register("Unknown", _G.Unknown)
local known = mm.Pool({ workers = 1, sandbox = true })
expect.equal(getmetatable(known:apply(function() return setmetatable({}, _G.Known) end)), _G.Known)
ok, err = pcall(known.apply, known, function() return setmetatable({}, _G.Unknown) end)
expect.equal({ ok, err.kind }, { false, "unsendable" })
known:terminate()
ok, err = pcall(pool.map, pool, function(x)
  if x == 3 then os.exit(9) end
  return x
end, { 1, 2, 3, 4 })
expect.equal({ ok, err.kind, err.exitcode }, { false, "died", 9 })
expect.equal(pool:apply(function() return "on" end), "on")

-- An item that takes too long is stopped, and a cancelled call as well.
ok, err = pcall(pool.map, pool, function(x)
  while x == 2 do mm.sleep(0.001) end
  return x
end, { 1, 2, 3 }, { timeout = 0.2 })
expect.equal({ ok, err.kind }, { false, "timeout" })
local future = pool:submit(function() while true do end end)
while not future:cancel() do mm.sleep(0.001) end
expect.equal(pool:apply(function() return "after" end), "after")

-- An item whose worker died runs again if it has retries.
local counter = mm.Queue()
counter:put(1)
expect.equal(pool:apply_async(function(q)
  if q:get_nowait() then os.exit(1) end
  return "again"
end, { counter }, { retries = 1 }):get(expect.HANG), "again")
pool:close()
expect.equal(pool:join(expect.HANG), true)

-- Workers are replaced after so many calls, and have limits.
pool = mm.Pool({ workers = 1, sandbox = true, maxtasksperchild = 2, memory = 16 * 2 ^ 20, libs = { "io" } })
expect.equal(pool:map(function(x) return x end, numbers(7), { chunksize = 1 }), numbers(7))
ok, err = pcall(pool.apply, pool, function()
  local all = {}
  while true do all[#all + 1] = ("x"):rep(1e5) .. #all end
end)
expect.equal(ok, false)
expect.truthy(tostring(err):find("not enough memory", 1, true), tostring(err))
expect.equal(pool:apply(function() return os == nil and io ~= nil end), true)
pool:terminate()

-- Queues of the program: both ways, with waits, ends and reports; handles of one queue are equal.
local function pass_on(from, to)
  local count = 0
  for item in from:iter() do
    to:put({ item, from:qsize() })
    count = count + 1
  end
  to:put({ count, select(2, from:get()), from == to, to:full(), from:empty() })
end
for _, method in ipairs({ "fork", "spawn", "forkserver" }) do
  local from, to = mm.Queue(), mm.Queue()
  local process = mm.Process({ target = pass_on, args = { from, to }, sandbox = true, method = method })
  process:start()
  from:put("a")
  expect.equal(to:get(expect.HANG)[1], "a")
  from:put("b")
  expect.equal(to:get(expect.HANG)[1], "b")
  from:close()
  expect.equal(to:get(expect.HANG), { 2, "closed", false, false, true })
  process:join()
  expect.equal(process.exitcode, 0, method)
end

local bounded, jobs = mm.Queue(1), mm.JoinableQueue()
local process = mm.Process({ sandbox = true, args = { bounded, jobs }, target = function(q, work)
  assert(q:put(1))
  assert(select(2, q:put(2, 0.01)) == "timeout")
  assert(select(2, q:put_nowait(2)) == "full")
  for _ = 1, 2 do
    work:get()
    work:task_done()
  end
  assert(not pcall(work.task_done, work))
  assert(work:join())
  assert(not pcall(q.put, q, function() end))
  assert(not pcall(q.put, q, q))
end })
jobs:put("one")
jobs:put("two")
process:start()
expect.equal(jobs:join(expect.HANG), true)
process:join()
expect.equal(process.exitcode, 0)
expect.equal(bounded:get(), 1)

-- A priority queue sorts what a sandboxed worker puts, and says its bound.
local sorted = mm.PriorityQueue(4)
process = mm.Process({ sandbox = true, args = { sorted, bounded }, target = function(q, other)
  assert(q.maxsize == 4 and other.maxsize == 1)
  assert(q:put({ 3, "c" }) and q:put("b", { priority = 2 }) and q:put_nowait(1))
  assert(q:get() == 1)
  assert(not pcall(q.put, q, {}))
end })
process:start()
process:join()
expect.equal(process.exitcode, 0)
expect.equal({ sorted:get(), sorted:get() }, { "b", { 3, "c" } })

-- A queue may come through a queue.
local outer, inner = mm.Queue(), mm.Queue()
process = mm.Process({ sandbox = true, args = { outer }, target = function(q) q:get():put("through") end })
process:start()
outer:put(inner)
expect.equal(inner:get(expect.HANG), "through")
process:join()

-- What a sandboxed worker puts into a queue is data for every reader, another worker too.
local shared = mm.Queue()
process = mm.Process({ sandbox = true, args = { shared }, target = function(q) q:put({ 1, "x" }) end })
process:start()
process:join()
local reader = mm.Pool(1)
expect.equal(reader:apply(function(q) return q:get() end, shared), { 1, "x" })
reader:terminate()

-- Other handles are refused, where they are sent or where they are used.
for _, handle in ipairs({ mm.Lock(), mm.Event(), mm.Value("i32", 1), mm.Array("u8", 4), (mm.Pipe()) }) do
  local name = tostring(handle):match("^%a+")
  process = mm.Process({ target = print, args = { handle }, sandbox = true })
  expect.raises("Process:start: " .. name .. ": cannot be sent to a sandboxed worker", process.start, process)
end
pool = mm.Pool({ workers = 1, sandbox = true })
local lock = mm.Lock()
expect.raises("Lock: cannot be used in a sandboxed worker", pool.apply, pool, function() return lock:acquire() end)
expect.equal(pool:apply(function() return "on" end), "on")

-- Modules that the program has loaded are found; time and its zone are known; the environment is not.
expect.equal(pool:apply(function() return type(require("expect").equal) end), "function")
expect.equal(pool:apply(os.date, "%Z"), os.date("%Z"))
expect.equal(pool:apply(os.getenv, "PATH"), nil)
expect.truthy(os.getenv("PATH"))

-- Tasks of the world `async` run inside.
expect.equal(pool:apply(function()
  local async = require("manymoons").async
  return async.run(function()
    local a = async.spawn(function() require("manymoons").sleep(0.01) return 1 end)
    return a:get() + 1
  end)
end), 2)

-- A time limit, termination, an error: as for other processes. Standard input is at its end.
local function exitcode_of(options)
  options.sandbox = true
  local one = mm.Process(options)
  one:start()
  if options.name == "ended" then one:terminate() end
  expect.equal(one:join(expect.HANG), true)
  return one.exitcode
end
local function loop() while true do pcall(function() while true do end end) end end
expect.equal(exitcode_of({ target = loop, timeout = 0.1 }), -14)
expect.equal(exitcode_of({ target = loop, name = "ended" }), -15)
expect.equal(exitcode_of({ target = function() os.exit(io.read() == nil and 5 or 6) end }), 5)

-- The worker's end ends both of its processes, whichever is killed.
local pid, begun = pool:stats()[1].pid, mm.Queue()
future = pool:submit(function(q)
  q:put(true)
  while true do end
end, begun)
expect.equal(begun:get(expect.HANG), true)
os.execute("kill -9 " .. pid)
ok, err = pcall(future.get, future, expect.HANG)
expect.equal({ ok, err.kind }, { false, "died" })
expect.equal(pool:apply(function() return "new" end), "new")

-- What a killed guard did not know is lost, and no item of its list runs twice.
pid = pool:stats()[1].pid
future = pool:map_async(function(x)
  begun:put(x)
  while x == 2 do end
end, { 1, 2, 3 }, { chunksize = 3 })
for x = 1, 2 do expect.equal(begun:get(expect.HANG), x) end
os.execute("kill -9 " .. pid)
ok, err = pcall(future.get, future, expect.HANG)
expect.equal({ ok, err.kind }, { false, "died" })
expect.equal(pool:apply(function() return "newer" end), "newer")
expect.equal(begun:qsize(), 0)
pool:terminate()
