-- SPDX-License-Identifier: MIT
-- The wrong uses that users of other libraries make, in a table: the error names the line, and has the words that help.
local expect = require "expect"
local mm = require "manymoons"

local name = mm.current_world()
local world = mm.world(name)
local has_own_vm = name == "interpreters" or name == "processes"
local function square(x) return x * x end
local function never() mm.sleep(expect.HANG) end

local p, closed, open = world.Pool(1), world.Pool(1), world.Pool(1)
closed:close()
local q, a, lock, process = world.Queue(), world.Array("u8", 3), world.Lock(), world.Process(square, 1)
process:start()
local file = io.tmpfile()
local SECRET = ("s"):rep(16)

-- { what, the wrong use, words that help … }; `where`: only in worlds for which it is true. A use that returns instead
-- of raising returns nil and why.
local uses = {
  { 'Pool("4")', function() local x = world.Pool("4") return x end,
    "Pool: workers: a whole number", "got 4 (a string)" },
  { "Pool{wrokers=3}", function() local x = world.Pool({ wrokers = 3 }) return x end,
    "Pool: unknown option 'wrokers': did you mean 'workers'?" },
  { "Process{targt=f}", function() local x = world.Process({ targt = square }) return x end,
    "Process: unknown option 'targt': did you mean 'target'?" },
  { "mm.pool(2)", function() local x = mm.pool(2) return x end, "'mm.pool': did you mean 'mm.Pool'?" },
  { "world.pool(2)", function() local x = world.pool(2) return x end,
    ("'mm.%s.pool': did you mean 'mm.%s.Pool'?"):format(name, name) },
  { "mm.procceses", function() local x = mm.procceses return x end, "did you mean 'mm.processes'?" },
  { "p.map(f, l)", function() local x = p.map(square, { 1 }) return x end,
    "Pool:map: a Pool expected", "use p:map(" },
  { "q.get()", function() local x = q.get() return x end, "Queue:get: a Queue expected", "use q:get(" },
  { "p:map({1,2}, f)", function() local x = p:map({ 1, 2 }, square) return x end, "Pool:map", "swapped" },
  { "p:submit({1}, f)", function() local x = p:submit({ 1 }, square) return x end, "Pool:submit", "swapped" },
  { "p:map(f, {a=1})", function() local x = p:map(square, { a = 1 }) return x end, "Pool:map: argument 2: a list",
    "the key a" },
  { "p:map(f)", function() local x = p:map(square) return x end, "Pool:map: argument 2: a list expected, got nil" },
  { "{chunksze=1}", function() local x = p:map(square, { 1 }, { chunksze = 1 }) return x end,
    "Pool:map: unknown option 'chunksze': did you mean 'chunksize'?" },
  { "an option of another call", function() local x = p:map(square, { 1 }, { beast = 1 }) return x end,
    "Pool:map: unknown option 'beast' (there are: ", "chunksize, " },
  { "options as a number", function() local x = p:map(square, { 1 }, 5) return x end,
    "Pool:map: argument 3: a table of options expected, got number" },
  { "coroutine.wrap as f", function() local x = p:map(coroutine.wrap(square), { 1 }) return x end,
    "cannot send a C function that no loaded module holds", "coroutine.wrap", "in the worker", where = has_own_vm },
  { "upvalue FILE*", function() local x = p:map(function() return file end, { 1 }) return x end,
    "cannot send a userdata of type FILE* (at function(upvalue 'file')): open it in the worker", where = has_own_vm },
  { "result FILE*", function() local x = p:map(function() return io.tmpfile() end, { 1 }) return x end,
    "in item 1 of map, worker PoolWorker-1:", "cannot send a userdata of type FILE* (at result): open it in the worker",
    where = has_own_vm },
  { "a pool in another one's task", function()
    local x = p:apply(function() return open:map(square, { 1 }) end)
    return x
  end, "cannot send a Pool (at function(upvalue 'open'))", "make one in the worker", where = has_own_vm },
  { "a metatable", function()
    local x = p:map(type, { setmetatable({}, { co = coroutine.create(square) }) })
    return x
  end, "in item 1 of map", "cannot send a coroutine (at item 1(metatable).co): make it in the worker",
    where = has_own_vm },
  { "a closed pool", function() local x = closed:map(square, { 1 }) return x end, "Pool:map: the pool is closed" },
  { "join of an open pool", function() local x = open:join() return x end,
    "Pool:join: the pool is still open; call close" },
  { "start twice", function() local x = process:start() return x end, "Process:start: ", "was started before" },
  { 'Queue("x")', function() local x = world.Queue("x") return x end, "Queue: maxsize: a whole number", "got x" },
  { 'q:get("x")', function() local x = q:get("x") return x end,
    "Queue:get: timeout: a number of seconds expected, got x" },
  { 'Array("float", 3)', function() local x = world.Array("float", 3) return x end, "Array: type: one of", "f32",
    "got float" },
  { "a[0]", function() local x = a[0] return x end, "Array: index 0 is not within 1 to 3" },
  { "u8 = 300", function() a[1] = 300 end, "300 does not fit into u8 (0 to 255)" },
  { "release of a free lock", function() local x = lock:release() return x end, "Lock:release: nobody holds it" },
  { 'mm.sleep("x")', function() local x = mm.sleep("x") return x end, "sleep: a number of seconds", "got x" },
  { 'set_world("procs")', function() local x = mm.set_world("procs") return x end,
    "set_world: no world 'procs': did you mean 'processes'? (there are: serial, async," },
  { "a limit where there is none", function() local x = world.Pool({ workers = 1, memory = 2 ^ 24 }) return x end,
    "Pool: memory: only for the worlds interpreters and processes", where = not has_own_vm },
  { "a memory limit", function()
    local small = world.Pool({ workers = 1, memory = 2 ^ 22 })
    local ok, err = pcall(small.apply, small, function() return #("x"):rep(2 ^ 24) end)
    small:terminate()
    if not ok then error(err, 0) end
  end, "in apply, worker PoolWorker-1:", "not enough memory", "its limit (the option memory)", where = has_own_vm },
  { "a timeout", function() local x = p:map(never, { 1 }, { timeout = 0.05 }) return x end,
    "in item 1 of map, worker ",
    "the call took longer than 0.05 s", where = has_own_vm },
  { "os.exit(7) in a task", function() local x = p:map(function() os.exit(7) end, { 1 }) return x end,
    "in item 1 of map, worker ", "died (exit code 7)" },
  { "a timeout with the method fork", function()
    local x = world.Process({ target = square, timeout = 1, method = "fork" })
    return x
  end, "Process: method: a forked worker cannot have limits", "'spawn'", where = name == "processes" },
  { "a short secret", function()
    local x = world.Pool({ broker = "redis://localhost:1/0", name = "jobs", secret = "short" })
    return x
  end, "Pool: secret: a secret has 16 characters or more, got 5" },
  { "an http URL", function()
    local x = world.Pool({ broker = "http://localhost/0", name = "jobs", secret = SECRET })
    return x
  end, "Pool: broker: redis://", "got http://" },
  { "an option of a broker's URL", function()
    local x = world.Pool({ broker = "redis://localhost:1/0?durabilty=wait1", name = "jobs", secret = SECRET })
    return x
  end, "unknown option 'durabilty': did you mean 'durability'?" },
}

local file_name = debug.getinfo(1, "S").short_src
local wrong = {}
for _, use in ipairs(uses) do
  if use.where ~= false then
    local ok, err = pcall(use[2])
    local text = tostring(err)
    local misses = ok and "no error"
    for i = 3, #use do
      if not misses and not text:find(use[i], 1, true) then misses = use[i] end
    end
    local is_of_script = text:find(file_name:gsub("%p", "%%%0") .. ":%d+: ") or text:find("\n[^\n]*: in main chunk")
    misses = misses or not is_of_script and "the line" or text:find("manymoons/", 1, true) and "no lines of the library"
    if misses then wrong[#wrong + 1] = use[1] .. ": wanted " .. misses .. ", got: " .. text end
  end
end
for _, pool in ipairs({ p, closed, open }) do pool:terminate() end
process:join()
expect.equal(table.concat(wrong, "\n"), "")

-- Names that are not near a known one are nil, as feature tests of scripts expect.
for _, absent in ipairs({ "setup", "config", "init", "VERSION", "_M", "__name" }) do expect.equal(mm[absent], nil) end
expect.equal(mm[1], nil)
