-- SPDX-License-Identifier: MIT
-- Every public function and method, used wrongly in each way of the table below: the message begins with the script's
-- file and line, names the function as the script wrote it, and has nothing of the library's inside.
local mm = require "manymoons"
local expect = require "expect"

local unpack = table.unpack or unpack
local function list(...) return { n = select("#", ...), ... } end
local NAN, DEAD = 0 / 0, coroutine.create(function() end)

local world = mm.world(mm.current_world())
local pool, lock = world.Pool(1), world.Lock()
local future = pool:submit(function() return 1 end)
future:wait()
local process = world.Process(function() end)
local here = world.Pipe()
local manager = mm.serial.Manager()
local group
mm.async.run(function() mm.async.group(function(g) group = g end) end)
local things = {
  Pool = pool, Process = process, Future = future, Queue = world.Queue(), JoinableQueue = world.JoinableQueue(),
  Connection = here, Lock = lock, FileLock = world.FileLock("lock"),
  RWLock = world.RWLock(), Guard = world.RLock():guard(), Semaphore = world.Semaphore(), Event = world.Event(),
  Condition = world.Condition(), Barrier = world.Barrier(1), Value = world.Value("i8"), Array = world.Array("i8", 3),
  Table = world.Table(), SharedMemory = world.SharedMemory({ create = true, size = 8 }), Listener = world.Listener(),
  Manager = manager, Progress = mm.progress({}), Task = mm.async.spawn(function() end), Group = group,
}
local folders = { mm = mm, World = world, Async = mm.async }

-- Wrong arguments, in lists. false: there are none that are wrong, but for the handle itself.
local timeouts = { list("soon"), list(NAN), list({}) }
local function after(first)
  return { list(first, "soon"), list(first, NAN) }
end
local functions = { list(), list(5), list("print"), list({}) }
local calls = { list(), list("print", {}), list(print), list(print, 5), list(print, {}, 5), list(print, {}, { x = 1 }),
  list(print, {}, { timeout = "x" }), list(print, {}, { chunksize = 0 }), list({}, print) }
local queues = { list("many"), list(-1), list(NAN), list({ maxsiz = 1 }), list({ maxsize = "x" }) }
local permits = { list("x"), list(-1), list(1.5) }
local rows = {
  ["mm.world"] = { list(), list("threds"), list(5) }, ["mm.set_world"] = { list(), list("procs") },
  ["mm.current_world"] = false, ["mm.cancelled"] = false, ["mm.time"] = false, ["mm.getswitchinterval"] = false,
  ["mm.set_start_method"] = { list("x"), list(5) }, ["mm.get_start_method"] = false,
  ["mm.profile"] = { list(5), list("/tmp/x", 5), list("/tmp/x", { rtae = 1 }), list("/tmp/x", { mode = "fast" }) },
  ["mm.progress"] = { list(), list(5), list({}, "x"), list({}, -1), list({}, 1.5),
    list({}, 1, 5), list({}, { totl = 1 }) },
  ["Progress:close"] = false,
  ["mm.trace"] = { list(5), list("/tmp/x", 5), list("/tmp/x", { limti = 1 }) },
  ["mm.gil"] = { list(5), list({ shedule = 1 }), list({ schedule = "x" }) },
  ["mm.setswitchinterval"] = { list(), list("x"), list(0), list(NAN) },
  ["mm.dumps"] = { list(), list(DEAD), list({ DEAD }) },
  ["mm.loads"] = { list(), list({}), list("x"), list("x", 5), list("x", { x = 1 }) },
  ["mm.register"] = { list(), list("", {}), list(5, {}), list("a", 5), list("a", {}, 5), list("a", {}, { x = 1 }) },
  ["mm.connect"] = { list(), list(5), list("/x"), list("/x", 5), list("host:70000", "key") },
  ["World.Process"] = { list(), list(5), list({}), list({ targt = print }), list({ target = 5 }),
    list({ target = print, args = 5 }), list({ target = print, sandbox = 5 }) },
  ["World.Pool"] = { list("4"), list(0), list({ wrokers = 3 }), list({ workers = "x" }), list(1, 5),
    list({ initargs = 5 }), list({ name = 5 }), list({ timeout = "x" }), list({ memory = "x" }),
    list({ sandbox = 5 }) },
  ["World.Queue"] = queues, ["World.JoinableQueue"] = queues, ["World.SimpleQueue"] = { list(5) },
  ["World.Pipe"] = false, ["World.cpu_count"] = false, ["World.current_process"] = false,
  ["World.parent_process"] = false, ["World.active_children"] = false,
  ["World.Value"] = { list(), list("float"), list("u8", "x"), list("u8", 300), list("u8", {}) },
  ["World.Array"] = { list(), list("float", 3), list("u8"), list("u8", -1), list("u8", "x"), list("u8", { 300 }),
    list("u8", { {} }) },
  ["World.Table"] = { list(5), list({}, 5), list({}, { x = 1 }), list({}, { max_bytes = "x" }), list({ a = DEAD }),
    list({ [DEAD] = 1 }) },
  ["World.SharedMemory"] = { list(), list({}), list({ x = 1 }), list({ create = true }), list({ name = "a/b" }) },
  ["World.Listener"] = { list(5), list({}), list("host:70000"), list("@a", 5), list("@a", { x = 1 }),
    list("@a", { authkey = "" }), list(("/"):rep(200)) },
  ["World.Client"] = { list(), list(5), list("host:x:70000"), list("@a", 5), list("@a", { x = 1 }),
    list("@a", { timeout = "x" }) },
  ["World.Manager"] = { list(5), list({ x = 1 }), list({ authkey = 5 }), list({ trust = "x" }), list({ address = 5 }) },
  ["World.wait"] = { list(), list(5), list(lock), list({ {} }), list({ "x" }), list({ -1 }), list({}, "x"),
    list({}, { tiemout = 1 }), list({}) },
  ["World.as_completed"] = { list(), list(5), list({ 5 }), list({}, "x") },
  ["World.sleep"] = { list(), list("x"), list(-1), list(NAN), list({}) },
  ["World.Lock"] = { list(5) }, ["World.RLock"] = { list(5) }, ["World.RWLock"] = { list(5) },
  ["World.Event"] = { list(5) }, ["World.Semaphore"] = permits, ["World.BoundedSemaphore"] = permits,
  ["World.Condition"] = { list(5), list(things.Event) },
  ["World.Barrier"] = { list(), list(0), list("x"), list(1, 5), list(1, print, "x"), list({ partys = 1 }) },
  ["Async.run"] = functions, ["Async.spawn"] = functions, ["Async.group"] = functions, ["Async.await"] = functions,
  ["Async.to_thread"] = functions, ["Async.to_process"] = functions,
  ["Async.current_task"] = false, ["Async.debug"] = false,
  ["Async.cancel"] = { list(), list(5), list(future) },
  ["Async.gather"] = { list(), list(5), list({ 5 }), list({ n = -1 }) },
  ["Async.timeout"] = { list(), list("x", print), list(NAN, print), list(1), list(1, 5) },
  ["Async.wait_fd"] = { list(), list("x"), list(-1), list(1.5), list({}), list(0, "x"), list(0, "r", "x") },
  ["Process:start"] = false, ["Process:join"] = { list(), list("x") }, ["Process:is_alive"] = false,
  ["Process:terminate"] = { list() }, ["Process:kill"] = { list() }, ["Process:close"] = false,
  ["Pool:map"] = calls, ["Pool:starmap"] = calls, ["Pool:map_async"] = calls, ["Pool:starmap_async"] = calls,
  ["Pool:imap"] = { list(), list(print), list(print, 5), list(print, {}, 5), list(print, { a = 1 }) },
  ["Pool:imap_unordered"] = { list(), list(print), list(print, 5), list(print, {}, { window = 0 }) },
  ["Pool:reduce"] = { list(), list(print), list(print, {}), list(print, {}, 5), list(print, {}, print),
    list(print, {}, print, 0, 5) },
  ["Pool:apply"] = functions, ["Pool:submit"] = functions,
  ["Pool:apply_async"] = { list(), list(print, 5), list(print, {}, 5), list(print, {}, { callback = 5 }) },
  ["Pool:stats"] = false, ["Pool:close"] = false, ["Pool:terminate"] = false,
  ["Pool:dead"] = { list() }, ["Pool:retry"] = { list(), list(5), list("x") }, ["Pool:join"] = { list() },
  ["Future:get"] = timeouts, ["Future:wait"] = timeouts, ["Future:ready"] = false, ["Future:successful"] = false,
  ["Future:cancel"] = false, ["Future:on_done"] = functions, ["Future:close"] = false,
  ["Queue:put"] = { list(), unpack(after(1)) }, ["Queue:get"] = timeouts, ["Queue:put_nowait"] = { list() },
  ["Queue:get_nowait"] = false, ["Queue:qsize"] = false, ["Queue:empty"] = false, ["Queue:full"] = false,
  ["Queue:close"] = false, ["Queue:iter"] = false,
  ["JoinableQueue:task_done"] = { list() }, ["JoinableQueue:join"] = timeouts,
  ["Connection:send"] = { list() }, ["Connection:recv"] = timeouts, ["Connection:poll"] = timeouts,
  ["Connection:send_bytes"] = { list(), list(5), list({}) }, ["Connection:recv_bytes"] = timeouts,
  ["Connection:fileno"] = false, ["Connection:close"] = false,
  ["Lock:acquire"] = timeouts, ["Lock:release"] = { list() }, ["Lock:locked"] = false, ["Lock:with"] = functions,
  ["Lock:close"] = false, ["Lock:guard"] = timeouts, ["Guard:release"] = false,
  ["World.FileLock"] = { list(), list(5), list(""), list("a\0b") }, ["FileLock:acquire"] = timeouts,
  ["FileLock:release"] = { list() }, ["FileLock:locked"] = false, ["FileLock:with"] = functions,
  ["FileLock:close"] = false, ["FileLock:guard"] = timeouts,
  ["RWLock:acquire_read"] = timeouts, ["RWLock:acquire_write"] = timeouts, ["RWLock:release_read"] = { list() },
  ["RWLock:release_write"] = { list() }, ["RWLock:with_read"] = functions, ["RWLock:with_write"] = functions,
  ["RWLock:close"] = false, ["RWLock:guard_read"] = timeouts, ["RWLock:guard_write"] = timeouts,
  ["Semaphore:acquire"] = timeouts, ["Semaphore:release"] = { list("x"), list(0), list(1.5) },
  ["Semaphore:get_value"] = false, ["Semaphore:with"] = functions, ["Semaphore:close"] = false,
  ["Semaphore:guard"] = timeouts,
  ["Event:set"] = false, ["Event:clear"] = false, ["Event:is_set"] = false, ["Event:wait"] = timeouts,
  ["Event:close"] = false,
  ["Condition:acquire"] = timeouts, ["Condition:release"] = { list() }, ["Condition:with"] = functions,
  ["Condition:wait"] = { list(), list("x") }, ["Condition:wait_for"] = { list(), list(5), list(print, "x") },
  ["Condition:notify"] = { list(), list("x"), list(0) }, ["Condition:notify_all"] = { list() },
  ["Condition:close"] = false, ["Condition:guard"] = timeouts,
  ["Barrier:wait"] = timeouts, ["Barrier:abort"] = false, ["Barrier:reset"] = false, ["Barrier:close"] = false,
  ["Value:add"] = { list(), list("x"), list({}), list(300) }, ["Value:cas"] = { list(), list("x", 1), list(1, {}) },
  ["Value:exchange"] = { list(), list("x"), list(300) }, ["Value:max"] = { list(), list("x") },
  ["Value:min"] = { list(), list("x") }, ["Value:lock"] = false, ["Value:get_lock"] = false,
  ["Value:pointer"] = false, ["Value:type"] = false, ["Value:close"] = false,
  ["Array:fill"] = { list(), list("x"), list(300), list(1, "x"), list(1, 0), list(1, 1, 9), list(1, {}) },
  ["Array:slice"] = { list("x"), list(0), list(1, 9), list({}) }, ["Array:bytes"] = { list("x"), list(0), list(1, 9) },
  ["Array:copy"] = { list(), list(5), list({ 300 }), list({ "x" }), list({ 1 }, "x"), list({ 1, 2, 3, 4 }),
    list({ 1 }, 9) },
  ["Array:iter"] = false,
  ["Table:update"] = { list(), list("a"), list("a", 5), list({}, print), list(1.5, print) }, ["Table:len"] = false,
  ["Table:keys"] = false, ["Table:iter"] = false, ["Table:lock"] = false, ["Table:close"] = false,
  ["SharedMemory:read"] = { list("x"), list(-1), list(0, "x"), list(0, 9), list({}) },
  ["SharedMemory:write"] = { list(), list("x"), list(0), list(0, 5), list(0, "123456789"), list(-1, "a") },
  ["SharedMemory:pointer"] = false, ["SharedMemory:unlink"] = false, ["SharedMemory:close"] = false,
  ["Listener:accept"] = timeouts, ["Listener:fileno"] = false, ["Listener:close"] = false,
  ["Manager:register"] = { list(), list(5, print), list("a b", print), list("close", print), list("a"), list("a", 5) },
  ["Manager:pairs"] = { list(), list(5), list({}) }, ["Manager:close"] = false,
  ["Proxy:update"] = false, -- a call of the managed object's own
  ["Task:get"] = timeouts, ["Task:wait"] = timeouts, ["Task:cancel"] = false, ["Task:done"] = false,
  ["Group:spawn"] = functions, ["Group:cancel"] = false,
}

-- Ways of calling ---------------------------------------------------------------------------------------------------

local ways, lines = {}, {}
function ways.directly(f, ...)
  local result = f(...) -- called directly
  return result
end
function ways.as_a_tail_call(f, ...) return f(...) end
function ways.by_pcall(f, ...)
  local ok, err = pcall(f, ...) -- called by_pcall
  if not ok then error(err, 0) end
end
function ways.in_a_coroutine(f, ...)
  local args = list(...)
  local ok, err = coroutine.resume(coroutine.create(function()
    local result = f(unpack(args, 1, args.n)) -- called in_a_coroutine
    return result
  end))
  if not ok then error(err, 0) end
end
function ways.as_a_tail_call_in_a_task(f, ...)
  local args = list(...)
  local task = mm.async.spawn(function() return f(unpack(args, 1, args.n)) end) -- called as_a_tail_call_in_a_task
  local ok, err = pcall(task.get, task)
  if not ok then error(err.message, 0) end
end

-- The checks --------------------------------------------------------------------------------------------------------

local own = debug.getinfo(1, "S")
local own_path, number = own.short_src, 0
for line in io.lines(own.source:sub(2)) do
  number = number + 1
  local how = line:match("%-%- called ([%w_]+)$")
  if how then lines[how] = number end
end

local function check(name, message, how, wrong)
  if getmetatable(message) == mm.Error then message = message.message end
  local what = name .. " " .. how .. " with " .. wrong .. ": got " .. tostring(message)
  expect.equal(type(message), "string", what)
  expect.equal(message:sub(1, #own_path), own_path, what)
  local rest = message:sub(#own_path + 1)
  expect.equal(rest:match("^:(%d+): "), tostring(lines[how] or rest:match("^:(%d+): ")), what)
  local text = rest:gsub("^:%d+: ", "")
  local class, method = name:match("^(%w+)[:.](.*)$")
  local full = folders[class] and method or class .. ":" .. method
  local is_named = text:match("^" .. full .. "[: ]") or (not folders[class] and text:find("^" .. class .. ": "))
  expect.truthy(is_named, what .. "; wanted the function's name")
  for _, inside in ipairs({ "native", "manymoons/", "%?", "local '", "upvalue", "attempt to", own_path, "Local" }) do
    if text:find(inside) and not text:find("with '?%?", 1) then error(what .. "; it has " .. inside, 0) end
  end
end

local function try(name, f, args, what)
  for how, call in pairs(ways) do
    local ok, message = pcall(call, f, unpack(args, 1, args.n))
    if ok then error(name .. " " .. how .. " took " .. what .. ": got " .. ("%q"):format(tostring(message)), 0) end
    check(name, message, how, what)
  end
end

local function show(args)
  local texts = {}
  for i = 1, args.n do texts[i] = tostring(args[i]) end
  return "(" .. table.concat(texts, ", ") .. ")"
end

local function check_method(name, class, method, wrong)
  local thing = things[class]
  local f = thing[method]
  for _, self in ipairs({ 5, "x", {}, print, io.stdout, class == "Connection" and lock or here }) do
    try(name, f, list(self), "the handle " .. tostring(self))
  end
  try(name, f, list(), "no handle")
  for _, args in ipairs(wrong or {}) do
    try(name, f, list(thing, unpack(args, 1, args.n)), show(args))
  end
end

local failures = {}
local function note(ok, message)
  if not ok then failures[#failures + 1] = tostring(message) end
end

for _, file in ipairs({ "types.lua", "types_shared.lua", "types_async.lua" }) do
  for line in io.lines(os.getenv("MM_BUILD") .. "/../../bindings/lua/" .. file) do
    local class, dot, method = line:match("^function (%w+)([.:])([%w_]+)%(")
    local name = class and class .. dot .. method
    if name and rows[name] == nil then error(name .. " has no row", 0) end
    if name and folders[class] then
      for _, args in ipairs(rows[name] or {}) do
        note(pcall(try, name, folders[class][method], args, show(args)))
      end
    elseif name and class ~= "Proxy" then
      note(pcall(check_method, name, class, method, rows[name]))
    end
  end
end
pool:terminate()
manager:close()
if #failures > 0 then error(#failures .. " wrong messages:\n" .. table.concat(failures, "\n"), 0) end
