-- SPDX-License-Identifier: MIT
-- worlds: threads async interpreters processes
-- A handle that is closed while others of its VM wait in it gives each waiter a clear answer: nil, "closed" where its
-- method says that, else an error that names the handle. Nothing hangs, and what was closed is not used any more.
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

-- Makers: each returns the handle to close, and a function that waits in it.
local kept = {} -- the other ends
local function acquired(name, n)
  return function(w)
    local lock = n and w[name](n) or w[name]()
    lock:acquire()
    return lock, function() return lock:acquire() end
  end
end
local function rwlock(method)
  return function(w)
    local lock = w.RWLock()
    lock:acquire_write()
    return lock, function() return lock[method](lock) end
  end
end
local function timed(make)
  return function(w)
    local handle, wait = make(w)
    return handle, function() return wait(expect.HANG) end
  end
end
local function condition(w)
  local cond = w.Condition()
  return cond, function(timeout) return cond:with(function() return cond:wait(timeout) end) end
end
local function get(name)
  return function(w)
    local q = w[name]()
    return q, function(timeout) return q:get(timeout) end
  end
end
local function put(w)
  local q = w.Queue(1)
  q:put(1)
  return q, function(timeout) return q:put(2, timeout) end
end
local function received(method)
  return function(w)
    local here, there = w.Pipe()
    kept[#kept + 1] = there
    return here, function(timeout) return here[method](here, timeout) end
  end
end
local function sent(w)
  local here, there = w.Pipe()
  kept[#kept + 1] = there
  return here, function(timeout)
    if w == mm.threads or w == mm.async then return here:recv(timeout) end -- a pipe of one VM is never full
    while true do
      local ok, why = here:send(("x"):rep(1000))
      if not ok then return ok, why end
    end
  end
end
local function connected(method)
  return function(w)
    local listener = w.Listener()
    local thread = mm.threads.Process(function() kept[#kept + 1] = listener:accept() end)
    thread:start()
    local client = assert(w.Client(listener.address))
    thread:join()
    return client, function(timeout) return client[method](client, timeout) end
  end
end
local function accepting(w)
  local listener = w.Listener()
  return listener, function(timeout) return listener:accept(timeout) end
end
local function among_others(make)
  return function(w)
    local handle = make(w)
    local other = w.Event()
    return handle, function(timeout)
      local ready, why = w.wait({ other, handle }, timeout)
      return #ready == 1 and ready[1] == handle and "ready", why
    end
  end
end
local function locked_value(w)
  local lock = w.Value("i32", 1):lock()
  lock:acquire()
  return lock, function() return lock:acquire() end
end

-- What comes: nil, "closed"; an error with that name; or the handle is ready. Connections have one waiter, which may
-- also come too late, and then uses a closed connection.
local cases = {
  { "Lock", acquired("Lock"), "Lock" },
  { "RLock", acquired("RLock"), "RLock" },
  { "Semaphore", acquired("Semaphore", 1), "Semaphore" },
  { "BoundedSemaphore", acquired("BoundedSemaphore", 1), "BoundedSemaphore" },
  { "RWLock, to read", rwlock("acquire_read"), "RWLock" },
  { "RWLock, to write", rwlock("acquire_write"), "RWLock" },
  { "lock of a Value", locked_value, "RLock" },
  { "Event", function(w)
    local event = w.Event()
    return event, function(timeout) return event:wait(timeout) end
  end, "Event" },
  { "Condition", condition, "Condition" },
  { "Condition, with a timeout", timed(condition), "Condition" },
  { "Barrier", function(w)
    local barrier = w.Barrier(4)
    return barrier, function(timeout) return barrier:wait(timeout) end
  end, "Barrier" },
  { "Queue:get", get("Queue"), nil },
  { "Queue:get, with a timeout", timed(get("Queue")), nil },
  { "SimpleQueue:get", get("SimpleQueue"), nil },
  { "JoinableQueue:get", get("JoinableQueue"), nil },
  { "PriorityQueue:get", get("PriorityQueue"), nil },
  { "Queue:put", put, nil },
  { "Connection:recv", received("recv"), nil, 1 },
  { "Connection:recv_bytes", received("recv_bytes"), nil, 1 },
  { "Connection:send", sent, nil, 1 },
  { "Client: recv", connected("recv"), nil, 1 },
  { "Client: recv_bytes", timed(connected("recv_bytes")), nil, 1 },
  { "Listener", accepting, "Listener" },
  { "Listener, with a timeout", timed(accepting), "Listener" },
  { "wait for a Queue", among_others(get("Queue")), "ready" },
  { "wait for an Event", among_others(function(w) return w.Event() end), "ready" },
  { "wait for a Connection", among_others(received("recv")), "ready" },
}

local function check(case, what, ok, answer, why)
  if case[3] == "ready" then
    expect.equal({ ok, answer }, { true, "ready" }, what)
  elseif case[4] and not ok then
    expect.truthy(tostring(answer):find("Connection.*used after close"), what .. ": " .. tostring(answer))
  elseif not case[3] then
    expect.equal({ ok, answer == nil, why }, { true, true, "closed" }, what .. ": " .. tostring(answer))
  else
    expect.equal(ok, false, what)
    expect.truthy(tostring(answer):find(case[3] .. ".*close"), what .. ": " .. tostring(answer))
  end
end

local ways = {
  close = function(handle) handle:close() end,
  __close = function(handle) getmetatable(handle).__close(handle) end,
}

-- What is freed by the end of a handle is used again at once.
local function reuse()
  local others = {}
  for i = 1, 20 do others[i] = ({ mm.processes.Lock, mm.processes.Queue, mm.processes.Event })[i % 3 + 1]() end
  return others
end

local function in_threads(case, what, close, w)
  local handle, wait = case[2](w)
  local answers = mm.threads.Queue()
  local threads = {}
  for i = 1, case[4] or 3 do
    threads[i] = mm.threads.Process(function()
      answers:put({ "begins" })
      answers:put({ pcall(wait) })
    end)
    threads[i]:start()
  end
  for _ = 1, #threads do answers:get() end
  mm.sleep(0.002)
  close(handle)
  local others = reuse()
  for _ = 1, #threads do
    local answer = answers:get()
    check(case, what, answer[1], answer[2], answer[3])
  end
  for _, thread in ipairs(threads) do thread:join() end
  close(handle)
  collectgarbage()
  return others
end

local function in_tasks(case, what, close, w)
  async.run(function()
    local handle, wait = case[2](w)
    local tasks = {}
    for i = 1, case[4] or 3 do
      tasks[i] = async.spawn(function() return { pcall(wait) } end)
    end
    mm.sleep(0.002)
    close(handle)
    local others = reuse()
    for _, task in ipairs(tasks) do
      local answer = task:get()
      check(case, what, answer[1], answer[2], answer[3])
    end
    close(handle)
    return others
  end)
end

local function body(world)
  local w = mm.world(world)
  for _, case in ipairs(cases) do
    local what = world .. ", " .. case[1]
    for _, close in pairs(ways) do
      if world ~= "async" then in_threads(case, what, close, w) end
      if not case[1]:find("^Client") then in_tasks(case, what, close, w) end
    end
  end
end

local name = mm.current_world()
if name == "async" or name == "threads" then
  body(name)
else
  local p = mm.Process(body, name)
  p:start()
  p:join()
  assert(p.exitcode == 0, "exit code " .. tostring(p.exitcode))
end
