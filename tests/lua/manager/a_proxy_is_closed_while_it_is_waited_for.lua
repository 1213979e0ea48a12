-- SPDX-License-Identifier: MIT
-- A proxy that is closed while threads or tasks of the VM wait in it gives each of them an error that names the object.
-- What they hold of other objects stays theirs.
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local manager = mm.Manager()

-- Makers: each returns the proxy, and a function that waits in it.
local cases = {
  Lock = function()
    local lock = manager:Lock()
    local holder = async.spawn(function()
      lock:acquire()
      mm.sleep(1e6)
    end)
    while not lock:locked() do mm.sleep(0.001) end
    return lock, function() return lock:acquire() end, holder
  end,
  Semaphore = function()
    local semaphore = manager:Semaphore(0)
    return semaphore, function() return semaphore:acquire() end
  end,
  Event = function()
    local event = manager:Event()
    return event, function() return event:wait() end
  end,
  Condition = function()
    local condition = manager:Condition()
    return condition, function()
      condition:acquire()
      return condition:wait()
    end
  end,
  Barrier = function()
    local barrier = manager:Barrier(3)
    return barrier, function() return barrier:wait() end
  end,
}

local begun = mm.threads.Queue()
local function in_thread(f)
  local results = mm.threads.Queue()
  local thread = mm.threads.Process(function() results:put({ pcall(f) }) end)
  thread:start()
  return function()
    local outcome = results:get(expect.HANG)
    thread:join()
    return outcome
  end
end
local function in_task(f)
  local task = async.spawn(function() return { pcall(f) } end)
  return function() return task:get(expect.HANG) end
end

async.run(function()
  for name, make in pairs(cases) do
    for _, run in ipairs({ in_thread, in_task }) do
      local proxy, wait, holder = make()
      local own = manager:Lock()
      local finish = run(function()
        own:acquire()
        begun:put(true)
        local ok, err = pcall(wait)
        expect.equal(own:locked(), true) -- not given back by that
        own:release()
        if not ok then error(err, 0) end
      end)
      expect.equal(begun:get(expect.HANG), true)
      for _ = 1, 5 do mm.sleep(0.002) end -- most often it waits now; if it does not yet, the end is the same
      proxy:close()
      local outcome = finish()
      expect.equal(outcome[1], false, name)
      expect.truthy(tostring(outcome[2]):find(name .. ".*close"), name .. ": " .. tostring(outcome[2]))
      own:close()
      if holder then holder:cancel() end
    end
  end
end)
manager:close()
