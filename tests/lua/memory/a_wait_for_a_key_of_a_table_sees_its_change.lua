-- SPDX-License-Identifier: MIT
-- Table:wait_for(key, f, timeout): waits until f(t[key]) is true, whoever changes the key.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()
local t = mm.Table{ state = "new", [7] = 1 }
local function is_there(value) return value ~= nil end
local function is_gone(value) return value == nil end
local function is_old(value) return value == "old" end

-- What is so already.
expect.equal(t:wait_for("state", is_there), "new")
expect.equal(t:wait_for(7, is_there, 0), 1)
expect.equal({ t:wait_for("state", is_old, 0) }, { nil, "timeout" })
expect.equal({ t:wait_for("state", is_old, 0.01) }, { nil, "timeout" })
-- A key that is not there is no method of that name.
expect.equal({ t:wait_for("len", is_there, 0) }, { nil, "timeout" })
expect.raises("a key is a string or an integer", t.wait_for, t, {}, is_there)
expect.raises("boom", t.wait_for, t, "state", function() error("boom") end)
if world == "serial" then
  expect.equal(expect.raises("", t.wait_for, t, "state", is_old).kind, "deadlock")
else
  -- A change by a worker: of a value, of a new key, of one that goes; other keys change meanwhile.
  local begun = mm.Queue()
  local worker = mm.Process(function()
    begun:put(true)
    for i = 1, 50 do t[100 + i] = i end
    t.state = "old"
    t.result = { 1, 2, 3 }
    t[7] = nil
  end)
  worker:start()
  begun:get(expect.HANG)
  expect.equal(t:wait_for("state", is_old, expect.HANG), "old")
  expect.equal(t:wait_for("result", is_there, expect.HANG), { 1, 2, 3 })
  expect.equal(t:wait_for(7, is_gone, expect.HANG), nil)
  expect.truthy(worker:join(expect.HANG))

  -- Several waiters of one key, each in a worker; none misses its turn.
  t.turn = 0
  local waiters = {}
  for i = 1, 4 do
    waiters[i] = mm.Process(function()
      assert(t:wait_for("turn", function(turn) return turn == i end, expect.HANG) == i)
      t.turn = i + 1
    end)
    waiters[i]:start()
  end
  t.turn = 1
  expect.equal(t:wait_for("turn", function(turn) return turn == 5 end, expect.HANG), 5)
  for i = 1, 4 do
    expect.truthy(waiters[i]:join(expect.HANG))
    expect.equal(waiters[i].exitcode, 0)
  end

  -- A waiter that is stopped.
  local stuck = mm.Process(function()
    begun:put(true)
    t:wait_for("never", is_there)
  end)
  stuck:start()
  begun:get(expect.HANG)
  stuck:terminate()
  expect.truthy(stuck:join(expect.HANG))
  t.state = "after"
  expect.equal(t.state, "after")
end

-- A task waits alone.
mm.async.run(function()
  local task = mm.async.spawn(function() return t:wait_for("from a task", is_there) end)
  mm.sleep(0)
  t["from a task"] = "here"
  expect.equal(task:get(expect.HANG), "here")
end)
