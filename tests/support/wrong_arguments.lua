-- SPDX-License-Identifier: MIT
-- Wrong arguments of every function and method of the reference (bindings/lua/types*.lua), and wrong values of every
-- option, for wrong_uses.lua.
local mm = require "manymoons"
local wrong_uses = require "wrong_uses"

local list, unpack = wrong_uses.list, wrong_uses.unpack
local NAN, DEAD, HUGE = 0 / 0, coroutine.create(function() end), 2 ^ 63

-- What some functions do not take.
local some_lock, some_event, some_future = mm.serial.Lock(), mm.serial.Event(), mm.serial.Pool(1):submit(type, 1)

local wrong_arguments = {}

-- Wrong arguments, in lists. false: there are none that are wrong, but for the handle itself.
local timeouts = { list("soon"), list(NAN), list({}), list(print) }
local function after(first)
  return { list(first, "soon"), list(first, NAN) }
end
local functions = { list(), list(5), list("print"), list({}) }
local calls = { list(), list("print", {}), list(print), list(print, 5), list(print, {}, 5), list(print, {}, { x = 1 }),
  list(print, {}, { timeout = "x" }), list(print, {}, { chunksize = 0 }), list({}, print) }
local queues = { list("many"), list(-1), list(NAN), list(1.5), list(HUGE),
  list({ maxsiz = 1 }),
  list({ maxsize = "x" }) }
local permits = { list("x"), list(-1), list(1.5), list(NAN), list(HUGE), list({}) }
wrong_arguments.functions = {
  ["mm.world"] = { list(), list("threds"), list(5) }, ["mm.set_world"] = { list(), list("procs") },
  ["mm.current_world"] = false, ["mm.cancelled"] = false, ["mm.time"] = false, ["mm.getswitchinterval"] = false,
  ["mm.set_start_method"] = { list("x"), list(5) }, ["mm.get_start_method"] = false,
  ["mm.profile"] = { list(5), list("/tmp/x", 5), list("/tmp/x", { rtae = 1 }), list("/tmp/x", { mode = "fast" }) },
  ["mm.trace"] = { list(5), list("/tmp/x", 5), list("/tmp/x", { limti = 1 }) },
  ["mm.gil"] = { list(5), list({ shedule = 1 }), list({ schedule = "x" }) },
  ["mm.setswitchinterval"] = { list(), list("x"), list(0), list(NAN) },
  ["mm.log_to_stderr"] = { list("loud"), list(5), list({}), list(true) }, ["mm.get_logger"] = false,
  ["Logger:debug"] = { list(), list(5), list({}) }, ["Logger:info"] = { list() }, ["Logger:warning"] = { list(5) },
  ["Logger:error"] = { list(print) },
  ["mm.Descriptor"] = { list(), list("x"), list(-1), list(1.5), list(NAN), list(HUGE), list({}) },
  ["Descriptor:fileno"] = false, ["Descriptor:detach"] = false, ["Descriptor:close"] = false,
  ["mm.dumps"] = { list(), list(DEAD), list({ DEAD }) },
  ["mm.loads"] = { list(), list({}), list("x"), list("x", 5), list("x", { x = 1 }) },
  ["mm.release"] = { list(), list(5), list({}), list(function() end) },
  ["mm.progress"] = { list(), list(5), list({}, "x"), list({}, -1), list({}, 1.5), list({}, 1, 5),
    list({}, { totl = 1 }) },
  ["Progress:close"] = false,
  ["mm.register"] = { list(), list("", {}), list(5, {}), list("a", 5), list("a", {}, 5), list("a", {}, { x = 1 }) },
  ["mm.connect"] = { list(), list(5), list("/x"), list("/x", 5), list("host:70000", "key") },
  ["mm.result"] = { list(), list(5, "p:x"), list("x", "p:x"), list("redis://host", 5), list("redis://host", "x"),
    list("redis://host", "p:x", "soon"), list("redis://host", "p:x", 1, 5) },
  ["mm.status"] = { list(), list("x", "p:x"), list("redis://host", "x"), list("redis://host", "p:x", 5) },
  ["mm.task"] = false, ["PostedTask:progress"] = { list(), list("x"), list(1, "x"), list(1, 2, 3), list(0 / 0) },
  ["PostedTask:log"] = { list(), list(5) },
  ["mm.cancel"] = { list(), list("x", "p:x"), list("redis://host", "x"), list("redis://host", "p:x", 5) },
  ["World.Process"] = { list(), list(5), list({}), list({ targt = print }), list({ target = 5 }),
    list({ target = print, args = 5 }), list({ target = print, sandbox = 5 }) },
  ["World.Pool"] = { list("4"), list(0), list({ wrokers = 3 }), list({ workers = "x" }), list(1, 5),
    list({ initargs = 5 }), list({ name = 5 }), list({ timeout = "x" }), list({ memory = "x" }),
    list({ sandbox = 5 }) },
  ["World.Queue"] = queues, ["World.JoinableQueue"] = queues, ["World.SimpleQueue"] = { list(5) },
  ["World.PriorityQueue"] = queues,
  ["World.Pipe"] = false, ["World.cpu_count"] = false, ["World.current_process"] = false,
  ["World.parent_process"] = false, ["World.active_children"] = false,
  ["World.Value"] = { list(), list("float"), list("u8", "x"), list("u8", 300), list("u8", {}),
    list("u8", NAN), list("u8", HUGE) },
  ["World.Array"] = { list(), list("float", 3), list("u8"), list("u8", -1), list("u8", "x"), list("u8", { 300 }),
    list("u8", 1.5), list("u8", NAN), list("u8", HUGE),
    list("u8", { {} }), list({}, 1), list({ x = "float" }, 1), list({ x = "u8" }, -1), list({ x = "u8" }, { 5 }) },
  ["World.Table"] = { list(5), list({}, 5), list({}, { x = 1 }), list({}, { max_bytes = "x" }), list({ a = DEAD }),
    list({ [DEAD] = 1 }) },
  ["World.freeze"] = { list(), list(5), list("x"), list(print), list({ print }), list({ a = DEAD }) },
  ["World.thaw"] = { list(), list(5), list({}), list(print) },
  ["World.SharedMemory"] = { list(), list({}), list({ x = 1 }), list({ create = true }), list({ name = "a/b" }) },
  ["World.Listener"] = { list(5), list({}), list("host:70000"), list("@a", 5), list("@a", { x = 1 }),
    list("@a", { authkey = "" }), list(("/"):rep(200)) },
  ["World.Client"] = { list(), list(5), list("host:x:70000"), list("@a", 5), list("@a", { x = 1 }),
    list("@a", { timeout = "x" }) },
  ["World.Manager"] = { list(5), list({ x = 1 }), list({ authkey = 5 }), list({ trust = "x" }),
    list({ address = 5 }), list({ initializer = 5 }), list({ initializer = print, initargs = 5 }) },
  ["World.Actor"] = { list(), list(5), list({}), list({ factroy = print }), list(function() end) },
  ["Actor:send"] = { list(), list(5), list({}) }, ["Actor:submit"] = { list(), list(5), list({}) },
  ["Actor:stop"] = timeouts, ["Actor:close"] = false,
  ["World.wait"] = { list(), list(5), list(some_lock), list({ {} }), list({ "x" }), list({ -1 }), list({}, "x"),
    list({}, { tiemout = 1 }), list({}, { when = "last" }), list({}) },
  ["World.select"] = { list(), list(5), list({}), list({ 5 }) },
  ["World.as_completed"] = { list(), list(5), list({ 5 }), list({}, "x") },
  ["World.sleep"] = { list(), list("x"), list(-1), list(NAN), list({}), list(print) },
  ["World.Lock"] = { list(5) }, ["World.RLock"] = { list(5) }, ["World.RWLock"] = { list(5) },
  ["World.Event"] = { list(5) }, ["World.Semaphore"] = permits, ["World.BoundedSemaphore"] = permits,
  ["World.Condition"] = { list(5), list(some_event) },
  ["World.Barrier"] = { list(), list(0), list("x"), list(NAN), list(HUGE), list(1.5), list(1, 5), list(1, print, "x"),
    list({ partys = 1 }) },
  ["Async.run"] = functions, ["Async.spawn"] = functions, ["Async.group"] = functions, ["Async.await"] = functions,
  ["Async.in_nvim"] = { list(), list(5), list(print) },
  ["Async.to_thread"] = functions, ["Async.to_process"] = functions,
  ["Async.context"] = false, ["Context:get"] = false, ["Context:set"] = false,
  ["Context:with"] = { list(), list(1), list(1, 5), list(1, "x") },
  ["Async.patch_socket"] = false, ["Async.current_task"] = false, ["Async.debug"] = false,
  ["Async.cancel"] = { list(), list(5), list(some_future) },
  ["Async.gather"] = { list(), list(5), list({ 5 }), list({ n = -1 }) },
  ["Async.map"] = { list(), list(5, print), list({ 1 }), list({ 1 }, 5), list({ 1 }, print, 5),
    list({ 1 }, print, { limit = 0 }), list({ 1 }, print, { limit = 1.5 }), list({ 1 }, print, { errors = "x" }),
    list({ 1 }, print, { limits = 1 }) },
  ["Async.race"] = { list(), list(5), list({}), list({ 5 }) },
  ["Async.shield"] = { list(), list(5) },
  ["Async.after"] = { list("x", print), list(NAN, print), list(-1, print), list(1), list(1, 5) },
  ["Async.every"] = { list("x", print), list(NAN, print), list(0, print), list(1), list(1, 5) },
  ["Async.timeout"] = { list(), list("x", print), list(NAN, print), list(1), list(1, 5) },
  ["Async.wait_fd"] = { list(), list("x"), list(-1), list(1.5), list({}), list(0, "x"), list(0, "r", "x") },
  ["Process:start"] = false, ["Process:join"] = { list(), list("x") }, ["Process:is_alive"] = false,
  ["Process:terminate"] = { list() }, ["Process:kill"] = { list() }, ["Process:close"] = false,
  ["ParentProcess:is_alive"] = false, ["ParentProcess:join"] = timeouts,
  ["Pool:map"] = calls, ["Pool:starmap"] = calls, ["Pool:map_async"] = calls, ["Pool:starmap_async"] = calls,
  ["Pool:imap"] = { list(), list(print), list(print, 5), list(print, {}, 5), list(print, { a = 1 }) },
  ["Pool:imap_unordered"] = { list(), list(print), list(print, 5), list(print, {}, { window = 0 }) },
  ["Pool:reduce"] = { list(), list(print), list(print, {}), list(print, {}, 5), list(print, {}, print),
    list(print, {}, print, 0, 5) },
  ["Pool:filter"] = calls, ["Pool:find"] = calls, ["Pool:broadcast"] = functions, ["Pool:warm"] = false,
  ["Pool:resize"] = { list(), list(0), list(-1), list(1.5), list("x"), list(4097), list(NAN) },
  ["Pool:sort"] = { list(), list(5), list({ a = 1 }), list({}, 5), list({}, nil, 5), list({ 1, nil, 3, n = 3 }) },
  ["Pool:apply"] = functions, ["Pool:submit"] = functions,
  ["Pool:apply_async"] = { list(), list(print, 5), list(print, {}, 5), list(print, {}, { callback = 5 }) },
  ["Pool:stats"] = false, ["Pool:close"] = false, ["Pool:terminate"] = false,
  ["Pool:dead"] = { list() }, ["Pool:retry"] = { list(), list(5), list("x") }, ["Pool:join"] = { list() },
  ["Pool:post"] = { list(), list(5), list(print, 5), list(print, {}, 5), list(print, {}, { x = 1 }),
    list(print, {}, { at = 1, delay = 1 }), list(print, {}, { key = "k" }) },
  ["Pool:schedule"] = { list(), list(5, "@daily", print), list("a b", "@daily", print), list("a", 5, print),
    list("a", "@daily", 5), list("a", "@daily", print, 5), list("a", "@daily", print, {}, { x = 1 }) },
  ["Pool:unschedule"] = { list(), list(5), list("a b"), list(("x"):rep(58)) },
  ["Future:get"] = timeouts, ["Future:wait"] = timeouts, ["Future:ready"] = false, ["Future:successful"] = false,
  ["Future:cancel"] = false, ["Future:cancelled"] = false, ["Future:running"] = false, ["Future:exception"] = timeouts,
  ["Future:on_done"] = functions, ["Future:close"] = false,
  ["Queue:put"] = { list(), unpack(after(1)) }, ["Queue:get"] = timeouts, ["Queue:put_nowait"] = { list() },
  ["Queue:put_many"] = { list(), list(5), list({}, "x") }, ["Queue:get_many"] = { list(), list(0), list(1, "x") },
  ["Queue:get_nowait"] = false, ["Queue:qsize"] = false, ["Queue:empty"] = false, ["Queue:full"] = false,
  ["Queue:close"] = false, ["Queue:shutdown"] = { list(5), list("x") }, ["Queue:iter"] = false,
  ["PriorityQueue:put"] = { list(), list({}), list(1, "x"), list(1, { prio = 1 }), list(1, { priority = NAN }) },
  ["PriorityQueue:put_nowait"] = { list(), list(print), list(1, { priority = {} }) },
  ["JoinableQueue:task_done"] = { list() }, ["JoinableQueue:join"] = timeouts,
  ["Connection:send"] = { list() }, ["Connection:recv"] = timeouts, ["Connection:poll"] = timeouts,
  ["Connection:send_bytes"] = { list(), list(5), list({}), list("x", "y"), list("x", -1), list("x", 2),
    list("x", 0, NAN) },
  ["Connection:recv_bytes"] = { list("soon"), list(NAN), list(0, "x"), list(0, -1), list(0, 1.5) },
  ["Connection:fileno"] = false, ["Connection:close"] = false,
  ["Lock:acquire"] = timeouts, ["Lock:release"] = { list() }, ["Lock:locked"] = false, ["Lock:with"] = functions,
  ["Lock:close"] = false, ["Lock:guard"] = timeouts, ["Guard:release"] = false,
  ["World.FileLock"] = { list(), list(5), list(""), list("a\0b") }, ["FileLock:acquire"] = timeouts,
  ["FileLock:release"] = { list() }, ["FileLock:locked"] = false, ["FileLock:with"] = functions,
  ["FileLock:close"] = false, ["FileLock:guard"] = timeouts,
  ["RWLock:acquire_read"] = timeouts, ["RWLock:acquire_write"] = timeouts, ["RWLock:release_read"] = { list() },
  ["RWLock:release_write"] = { list() }, ["RWLock:with_read"] = functions, ["RWLock:with_write"] = functions,
  ["RWLock:close"] = false, ["RWLock:guard_read"] = timeouts, ["RWLock:guard_write"] = timeouts,
  ["Semaphore:acquire"] = timeouts,
  ["Semaphore:release"] = { list("x"), list(0), list(1.5), list(NAN), list(HUGE), list({}) },
  ["Semaphore:get_value"] = false, ["Semaphore:with"] = functions, ["Semaphore:close"] = false,
  ["Semaphore:guard"] = timeouts,
  ["Event:set"] = false, ["Event:clear"] = false, ["Event:is_set"] = false, ["Event:wait"] = timeouts,
  ["Event:close"] = false,
  ["Condition:acquire"] = timeouts, ["Condition:release"] = { list() }, ["Condition:with"] = functions,
  ["Condition:wait"] = { list(), list("x") }, ["Condition:wait_for"] = { list(), list(5), list(print, "x") },
  ["Condition:notify"] = { list(), list("x"), list(0), list(NAN), list({}) }, ["Condition:notify_all"] = { list() },
  ["Condition:close"] = false, ["Condition:guard"] = timeouts,
  ["Barrier:wait"] = timeouts, ["Barrier:abort"] = false, ["Barrier:reset"] = false, ["Barrier:close"] = false,
  ["Value:add"] = { list(), list("x"), list({}), list(300), list(NAN), list(1.5), list(HUGE) },
  ["Value:cas"] = { list(), list("x", 1), list(1, {}) },
  ["Value:exchange"] = { list(), list("x"), list(300) }, ["Value:max"] = { list(), list("x") },
  ["Value:min"] = { list(), list("x") }, ["Value:lock"] = false, ["Value:get_lock"] = false,
  ["Value:pointer"] = false, ["Value:type"] = false, ["Value:close"] = false,
  ["Array:fill"] = { list(), list("x"), list(300), list(1, "x"), list(1, 0), list(1, 1, 9), list(1, {}) },
  ["Array:slice"] = { list("x"), list(0), list(1, 9), list({}), list(NAN), list(HUGE) },
  ["StructArray:len"] = false, ["StructArray:type"] = false, ["StructArray:iter"] = false, ["StructArray:lock"] = false,
  ["StructArray:pointer"] = false, ["StructArray:address"] = false, ["StructArray:close"] = false,
  ["StructArray:view"] = { list("x"), list(0), list(1, 9) }, ["StructArray:bytes"] = { list("x"), list(1, 9) },
  ["StructArray:add"] = { list(), list(9, "x", 1), list(1, "z", 1) },
  ["StructArray:cas"] = { list(), list(1, "z", 1, 1) }, ["StructArray:exchange"] = { list(), list(1, "z", 1) },
  ["StructArray:max"] = { list(), list(1, "z", 1) }, ["StructArray:min"] = { list(), list(1, "z", 1) },
  ["Array:view"] = { list("x"), list(0), list(1, 9), list(1.5), list(NAN) }, ["Value:address"] = false,
  ["Array:bytes"] = { list("x"), list(0), list(1, 9) },
  ["Array:copy"] = { list(), list(5), list({ 300 }), list({ "x" }), list({ 1 }, "x"), list({ 1, 2, 3, 4 }),
    list({ 1 }, 9) },
  ["Array:iter"] = false,
  ["Table:update"] = { list(), list("a"), list("a", 5), list({}, print), list(1.5, print) }, ["Table:len"] = false,
  ["Table:wait_for"] = { list(), list("a"), list("a", 5), list({}, print), list("a", print, "x"),
    list("a", print, NAN) },
  ["Table:keys"] = false, ["Table:iter"] = false, ["Table:lock"] = false, ["Table:close"] = false,
  ["SharedMemory:read"] = { list("x"), list(-1), list(0, "x"), list(0, 9), list({}), list(NAN), list(HUGE),
    list(0, NAN) },
  ["SharedMemory:write"] = { list(), list("x"), list(0), list(0, 5), list(0, "123456789"), list(-1, "a") },
  ["SharedMemory:pointer"] = false, ["SharedMemory:unlink"] = false, ["SharedMemory:close"] = false,
  ["Listener:accept"] = timeouts, ["Listener:fileno"] = false, ["Listener:close"] = false,
  ["Manager:register"] = { list(), list(5, print), list("a b", print), list("close", print), list("a"),
    list("a", 5) },
  ["Manager:pairs"] = { list(), list(5), list({}) }, ["Manager:close"] = false,
  ["Proxy:update"] = false, -- a call of the managed object's own
  ["Task:get"] = timeouts, ["Task:wait"] = timeouts, ["Task:cancel"] = false, ["Task:done"] = false,
  ["Group:spawn"] = functions, ["Group:cancel"] = false,
}

-- Wrong values of the options, by the class of the reference whose fields they are. For each option a list.
local seconds = { "x", NAN, -1, {} }
local spans = { "x", NAN, -1, {}, 1 / 0 }
local paths = { 5, "x", { 5 }, { print } }
local whole = { "x", NAN, -1, 1.5, HUGE, {} }
local switch = { 5, "yes", {} }
local callables = { 5, "x", {} }
local rates = { "x", 5, {}, "0/s", "5/w", "1.5/s" }
local texts = { 5, {}, print }
local of_calls = { timeout = { 0, unpack(seconds) }, retries = whole, retry_errors = whole,
  backoff = { -1, NAN, "x", {}, 1 / 0 }, priority = { -1, 10, 1.5, "x", {}, NAN } }
local of_maps = { total_timeout = { 0, unpack(seconds) },
  chunksize = { 0, unpack(whole) }, progress = { 5, {}, NAN }, errors = { "x", 5, {} },
  resume = { 5, "", {} } }
local of_callbacks = { callback = callables, error_callback = callables }
local secrets = { secret = { 5, "short", "", {} }, secret_file = { 5, {}, "/nowhere/at/all" },
  password_file = { 5, {}, "/nowhere/at/all" } }

local function merge(...)
  local all = {}
  for _, part in ipairs({ ... }) do
    for name, values in pairs(part) do all[name] = values end
  end
  return all
end

local of_workers = {
  method = { "x", 5, {} }, memory = { "x", NAN, -1, 0, 1.5, 1000, {} }, timeout = { 0, unpack(seconds) },
  libs = { 5, "x", { "nonsense" }, { 5 } }, nice = { "x", NAN, -1, 20, 1.5, {} },
  cpus = { 5, "x", {}, { "x" }, { -1 }, { 1.5 }, { NAN }, { 2 ^ 40 }, { HUGE } },
  sandbox = { 5, "x", { raed = {} }, { read = 5 }, { read = { 5 } }, { write = 5 }, { network = 5 } },
}
local of_queues = { maxsize = whole, max_bytes = whole }
local broker = { broker = { 5, "x", "redis://", "redis://host:70000", "redis://host:x", {} },
  name = { 5, "", "a b", ("x"):rep(65), {} } }

wrong_arguments.options = {
  ProcessOptions = merge(of_workers,
    { target = callables, args = { 5, "x", { n = -1 }, { n = "x" } }, name = texts, daemon = switch }),
  ActorOptions = {
    factory = callables, args = { 5, "x", { n = -1 }, { n = "x" } }, concurrent = { 0, unpack(whole) },
    restart = { 5, "often", {} }, maxsize = whole, name = texts, method = of_workers.method, memory = of_workers.memory,
    libs = of_workers.libs, nice = of_workers.nice, cpus = of_workers.cpus,
  },
  PoolOptions = merge(of_workers, {
    workers = { 0, unpack(whole) }, many_workers = switch, initializer = callables, finalizer = callables,
    initargs = { 5, "x", { n = -1 } }, maxtasksperchild = { 0, unpack(whole) }, name = texts,
    seed = { "x", 1.5, NAN, HUGE, {} }, idle = { -1, "x", NAN, {} },
  }),
  Sandbox = { read = paths, write = paths, network = switch },
  BrokerPoolOptions = merge(broker, secrets, {
    workers = { 0, unpack(whole) }, initializer = callables, initargs = { 5, "x", { n = -1 } },
    timeout = { 0, unpack(seconds) }, retries = whole, window = { 0, unpack(whole) }, abi_wait = { 0, unpack(seconds) },
  }),
  QueueOptions = of_queues,
  PriorityOptions = { priority = { {}, print, NAN, true }, timeout = { {}, "x", NAN } },
  BrokerQueueOptions = merge(broker, secrets, { maxsize = whole, lease = { 0, 0.01, HUGE, unpack(seconds) } }),
  CallOptions = of_calls, ReadOptions = secrets,
  ScheduleOptions = { catchup = { "x", 5, {} }, ttl = spans, retries = whole, timeout = { 0, unpack(seconds) },
    backoff = spans, rate = rates, priority = { 10, unpack(whole) }, at_most = { 0, unpack(whole) }, key = texts },
  PostOptions = { secret = switch, delay = spans, at = spans, ttl = spans, retries = whole, rate = rates,
    timeout = { 0, unpack(seconds) }, backoff = spans, unique = texts, priority = { 10, unpack(whole) },
    at_most = { 0, unpack(whole) }, key = texts },
  MapOptions = of_maps,
  ImapOptions = { window = { 0, unpack(whole) } },
  CallbackOptions = of_callbacks, MapCallbackOptions = of_callbacks,
}

-- The same for options that a function lists itself.
wrong_arguments.own_options = {
  ["mm.trace"] = { limit = { 0, unpack(whole) } },
  ["mm.profile"] = { rate = { 0, unpack(whole) }, mode = { "x", 5, {} }, format = { "x", 5, {} },
    top = { 0, unpack(whole) } },
  ["mm.gil"] = { schedule = { "x", 5, {} } },
  ["mm.loads"] = { functions = switch },
  ["mm.register"] = { untrusted = switch },
  ["World.Table"] = { max_bytes = whole },
  ["World.SharedMemory"] = { name = { 5, "", "a/b", "a\0b", ("x"):rep(300), {} }, create = switch,
    size = { 0, unpack(whole) }, keep = switch },
  ["World.Listener"] = { authkey = { 5, "", {} }, max_message = { 0, unpack(whole) } },
  ["World.Client"] = { authkey = { 5, "", {} }, timeout = { "x", NAN, {} }, max_message = { 0, unpack(whole) } },
  ["World.Manager"] = { address = { 5, {}, "host:70000" }, authkey = { 5, "", {} }, trust = { 5, "x", {} } },
  ["World.wait"] = { timeout = { "x", NAN, {} } },
  ["World.Barrier"] = { parties = { 0, 2 ^ 40, unpack(whole) }, action = callables, timeout = { "x", NAN, {} } },
}

return wrong_arguments
