-- SPDX-License-Identifier: MIT
-- A wait without a timeout raises where no task could end it: outside of tasks without one, and in the only task.
-- worlds: serial
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local function full()
  local q = mm.Queue(1)
  q:put(1)
  return q
end

local waits = {
  function() mm.Queue():get() end,
  function() full():put(2) end,
  function()
    local q = mm.JoinableQueue()
    q:put(1)
    q:join()
  end,
  function() mm.Pipe():recv() end,
  function()
    local lock = mm.Lock()
    lock:acquire()
    lock:acquire()
  end,
  function() mm.Event():wait() end,
  function() mm.Barrier(2):wait() end,
  function()
    local condition = mm.Condition()
    condition:acquire()
    condition:wait()
  end,
  function()
    local lock = mm.RWLock()
    lock:acquire_read()
    local other = coroutine.wrap(function() lock:acquire_write() end)
    other()
  end,
  function() mm.wait({ mm.Queue() }) end,
}
for i, wait in ipairs(waits) do
  local what = i == 9 and "RWLock" or "would wait for ever in the serial world"
  expect.raises(what, wait)
  expect.raises(what, async.run, wait)
end

-- Code outside of tasks waits for one.
local q = mm.Queue()
async.spawn(function() q:put("a task's") end)
expect.equal(q:get(), "a task's")
expect.raises("would wait for ever in the serial world", q.get, q)
