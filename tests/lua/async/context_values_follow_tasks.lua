-- SPDX-License-Identifier: MIT
-- mm.async.context(default): a task has the values of its spawner, as they were when it was spawned; those that it sets
-- are seen by itself and by the tasks that it spawns later.
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local user, depth = async.context("nobody"), async.context()
expect.equal({ user:get(), depth:get(), tostring(user) }, { "nobody", nil, "Context: nobody" })

-- Code outside of tasks has values as well, and its tasks begin with them.
user:set("main")
async.run(function()
  expect.equal(user:get(), "main")
  local seen = {}
  local function work(name)
    seen[#seen + 1] = user:get()
    user:set(name)
    mm.sleep(0)
    seen[#seen + 1] = user:get()
    async.spawn(function() seen[#seen + 1] = "inner " .. user:get() end):get()
  end
  local first, second = async.spawn(work, "Ada"), async.spawn(work, "Alan")
  user:set("changed here")
  first:get()
  second:get()
  expect.same_set(seen, { "main", "main", "Ada", "Alan", "inner Ada", "inner Alan" })
  expect.equal(user:get(), "changed here")
  -- Tasks of the functions that answer for tasks, and those of timers.
  expect.equal(async.map({ 1, 2 }, function(i) return user:get() .. i end), { "changed here1", "changed here2", n = 2 })
  expect.equal(async.after(0, user.get, user):get(), "changed here")
end)
expect.equal(user:get(), "main")

-- with: for one call, whatever ends it.
expect.equal({ user:with("guest", function(a, b)
  expect.equal(depth:with(2, function() return depth:get() end), 2)
  return user:get(), a + b
end, 3, 4) }, { "guest", 7 })
expect.raises("boom", user.with, user, "guest", function() error("boom") end)
expect.equal(user:get(), "main")
user:set(nil)
expect.equal(user:get(), nil)

-- Workers begin with the default.
if mm.current_world() == "async" then
  local pool = mm.Pool(1)
  expect.equal(pool:apply(function() return user:get() end), "nobody")
  pool:terminate()
end
expect.raises("Context:with: argument 2: a function expected, got nil", user.with, user, 1)
