-- SPDX-License-Identifier: MIT
-- Of the tasks that wait for a pool one takes the results for all. When it is cancelled another one goes on, and what
-- the cancelled one was waiting for ends with it.
-- worlds: async
local mm = require "manymoons"
local expect = require "expect"

mm.async.run(function()
  local pool = mm.interpreters.Pool(1)
  local long = pool:submit(mm.sleep, 1000)
  local first = mm.async.spawn(function() return long:wait() end)
  mm.sleep(0)
  local second = mm.async.spawn(function() return pool:submit(string.upper, "next"):get() end)
  mm.sleep(0)
  first:cancel()
  expect.equal(long:cancel(), true)
  expect.equal(second:get(expect.HANG), "NEXT")
  pool:terminate()

  -- to_thread in a task that is cancelled: the call is, too.
  local asked = mm.Queue()
  local task = mm.async.spawn(mm.async.to_thread, function()
    local ok = pcall(function()
      asked:put("begun") -- which may be cancelled itself, once the message is there
      mm.sleep(1000)
    end)
    asked:put(ok)
  end)
  expect.equal(asked:get(expect.HANG), "begun")
  task:cancel()
  expect.equal(asked:get(expect.HANG), false)
end)
