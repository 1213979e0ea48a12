-- SPDX-License-Identifier: MIT
-- A worker that is started by a task, also where the task cannot yield, has none of its parent's tasks; it may have
-- tasks of its own.
-- worlds: interpreters processes threads
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local function sum_of_tasks(count)
  return async.run(function()
    local tasks = {}
    for i = 1, count do
      tasks[i] = async.spawn(function()
        mm.sleep(0.001)
        return coroutine.wrap(function()
          mm.sleep(0.001)
          return i
        end)()
      end)
    end
    local sum = 0
    for _, value in ipairs(async.gather(tasks)) do sum = sum + value end
    return sum
  end)
end

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
for _, method in ipairs(methods) do
  async.run(function()
    local ticks, is_over = 0, false
    local ticker = async.spawn(function()
      while not is_over do
        ticks = ticks + 1
        mm.sleep(0.001)
      end
    end)
    local function start_and_ask()
      local results = mm.Queue()
      local p = mm.Process({ target = function() results:put(sum_of_tasks(20)) end, method = method })
      p:start()
      local sum = results:get(expect.HANG)
      expect.equal(p:join(expect.HANG), true)
      expect.equal(p.exitcode, 0)
      return sum
    end
    local tasks = { async.spawn(start_and_ask), async.spawn(function() return coroutine.wrap(start_and_ask)() end) }
    for _, sum in ipairs(async.gather(tasks)) do expect.equal(sum, 210) end
    is_over = true
    ticker:get()
    expect.truthy(ticks > 1)
  end)
end
