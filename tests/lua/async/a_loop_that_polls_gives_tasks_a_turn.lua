-- SPDX-License-Identifier: MIT
-- A loop that asks again and again, and waits nowhere, ends when a task of its thread has brought about what it asks
-- for: outside of tasks and in one, wherever the task is.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local OWN = { async = true } -- workers of this thread

local function later(f)
  return async.spawn(function()
    mm.sleep(0.005)
    f()
  end)
end

-- name, make() → poll(), bring_about()
local cases = {
  { "empty", function()
    local q = mm.Queue()
    return function() return not q:empty() end, function() q:put(1) end
  end },
  { "qsize", function()
    local q = mm.Queue()
    return function() return q:qsize() == 2 end, function()
      q:put(1)
      q:put(2)
    end
  end },
  { "full", function()
    local q = mm.Queue(1)
    q:put(1)
    return function() return not q:full() end, function() q:get() end
  end },
  { "get_nowait", function()
    local q = mm.Queue()
    return function() return q:get_nowait() end, function() q:put(1) end
  end },
  { "get(0)", function()
    local q = mm.SimpleQueue()
    return function() return q:get(0) end, function() q:put(1) end
  end },
  { "put_nowait", function()
    local q = mm.Queue(1)
    q:put(1)
    return function() return q:put_nowait(2) end, function() q:get() end
  end },
  { "put(0)", function()
    local q = mm.Queue(1)
    q:put(1)
    return function() return q:put(2, 0) end, function() q:get() end
  end },
  { "join(0) of a queue", function()
    local q = mm.JoinableQueue()
    q:put(1)
    return function() return q:join(0) end, function()
      q:get()
      q:task_done()
    end
  end },
  { "is_set", function()
    local event = mm.Event()
    return function() return event:is_set() end, function() event:set() end
  end },
  { "wait(0) of an event", function()
    local event = mm.Event()
    return function() return event:wait(0) end, function() event:set() end
  end },
  { "locked", function()
    local lock = mm.Semaphore(0)
    return function() return lock:acquire(false) end, function() lock:release() end
  end },
  { "acquire(0)", function()
    local lock = mm.Semaphore(0)
    return function() return lock:acquire(0) end, function() lock:release() end
  end },
  { "acquire_read(0)", function()
    local lock = mm.RWLock()
    local task = async.spawn(function()
      lock:acquire_write()
      mm.sleep(0.01)
      lock:release_write()
    end)
    mm.sleep(0)
    return function() return lock:acquire_read(0) end, function() task:wait() end
  end },
  { "poll", function()
    local a, b = mm.Pipe()
    return function() return a:poll() end, function() b:send(1) end
  end },
  { "recv(0)", function()
    local a, b = mm.Pipe()
    return function() return a:recv(0) end, function() b:send(1) end
  end },
  { "mm.wait(…, 0)", function()
    local q = mm.Queue()
    return function() return mm.wait({ q }, 0)[1] end, function() q:put(1) end
  end },
  { "done", function()
    local task = async.spawn(function() mm.sleep(0.001) end)
    return function() return task:done() end, function() end
  end },
  { "get(0) of a task", function()
    local task = async.spawn(function()
      mm.sleep(0.001)
      return true
    end)
    return function() return task:get(0) end, function() end
  end },
  { "wait(0) of a condition", function()
    local condition = mm.Condition(mm.Lock())
    return function()
      condition:acquire()
      local was_notified = condition:wait(0)
      condition:release()
      return was_notified
    end, function()
      for _ = 1, 200 do
        condition:acquire()
        condition:notify_all()
        condition:release()
        mm.sleep(0)
      end
    end
  end },
}

cases[#cases + 1] = { "get_value", function()
  local semaphore = mm.Semaphore(0)
  return function() return semaphore:get_value() == 1 end, function() semaphore:release() end
end }
cases[#cases + 1] = { "n_waiting", function()
  local barrier = mm.Barrier(2)
  return function()
    if barrier.n_waiting == 0 then return false end
    barrier:abort()
    return true
  end, function() barrier:wait() end
end }

if OWN[mm.current_world()] then
  cases[#cases + 1] = { "active_children", function()
    local process = mm.Process(function() mm.sleep(0.001) end)
    process:start()
    return function()
      for _, child in ipairs(mm.active_children()) do
        if child == process then return false end
      end
      return true
    end, function() end
  end }
  cases[#cases + 1] = { "join(0) of a pool", function()
    local pool = mm.Pool(1)
    pool:submit(function() mm.sleep(0.001) end)
    pool:close()
    return function() return pool:join(0) end, function() end
  end }
  cases[#cases + 1] = { "is_alive", function()
    local process = mm.Process(function() mm.sleep(0.001) end)
    process:start()
    return function() return not process:is_alive() end, function() end
  end }
  cases[#cases + 1] = { "exitcode", function()
    local process = mm.Process(function() mm.sleep(0.001) end)
    process:start()
    return function() return process.exitcode end, function() end
  end }
  cases[#cases + 1] = { "join(0)", function()
    local process = mm.Process(function() mm.sleep(0.001) end)
    process:start()
    return function() return process:join(0) end, function() end
  end }
  for name, ask in pairs({ ready = "ready", ["get(0)"] = "get", ["wait(0)"] = "wait" }) do
    cases[#cases + 1] = { name .. " of a future", function()
      local pool = mm.Pool(1)
      local future = pool:submit(function()
        mm.sleep(0.001)
        return true
      end)
      return function()
        if not future[ask](future, 0) then return false end
        pool:terminate()
        return true
      end, function() end
    end }
  end
end

local function poll_until(name, make)
  local poll, bring_about = make()
  local task = later(bring_about)
  local until_when = mm.time() + expect.HANG
  while not poll() do
    if mm.time() > until_when then error(name .. ": it did not come about") end
  end
  task:wait(expect.HANG)
end

for _, case in ipairs(cases) do
  poll_until(case[1], case[2])
  async.run(function()
    poll_until(case[1] .. ", in a task", case[2])
    coroutine.wrap(function() poll_until(case[1] .. ", in a coroutine", case[2]) end)()
  end)
end
