-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- A call that waits in a method of the script keeps neither other calls of its object waiting nor other clients.
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager()
m:register("mailbox", function(world)
  local moons = require("manymoons")
  local box = { q = moons[world].Queue(), there = 0 }
  function box:take()
    self.there = self.there + 1
    local value = self.q:get()
    self.there = self.there - 1
    return value
  end
  function box:give(value)
    self.q:put(value)
    return "given"
  end
  function box:fail_later()
    self.q:get()
    error({ code = 7 })
  end
  return box
end)
m:register("queue", function(world) return require("manymoons")[world].Queue() end)

local world = mm.current_world()
local box, q, results = m:mailbox(world), m:queue(world), mm.Queue()
local takers = {}
for i = 1, 3 do
  takers[i] = mm.Process(function(b, r) r:put(b:take()) end, box, results)
  takers[i]:start()
end
while box.there < 3 do mm.sleep(0) end
for i = 1, 3 do expect.equal(box:give(i), "given") end
local got = {}
for i = 1, 3 do got[i] = results:get(expect.HANG) end
expect.same_set(got, { 1, 2, 3 })
for i = 1, 3 do takers[i]:join() end

-- The same where the factory returns a queue.
local getter = mm.Process(function(its, r) r:put(its:get()) end, q, results)
getter:start()
q:put("through the server")
expect.equal(results:get(expect.HANG), "through the server")
getter:join()

-- A failure after a wait comes with its value and place.
local failing = mm.Process(function(b, r)
  local ok, err = pcall(b.fail_later, b)
  r:put({ ok, err.value, err.worker, err.traceback })
end, box, results)
failing:start()
box:give("go on")
local failure = results:get(expect.HANG)
expect.equal({ failure[1], failure[2], failure[3] }, { false, { code = 7 }, "Manager" })
expect.truthy(failure[4]:find("side_by_side.lua:%d+"), failure[4])
failing:join()

-- A client that ends takes nothing any more.
local gone = mm.Process(function(b) b:take() end, box)
gone:start()
while box.there < 1 do mm.sleep(0) end
gone:terminate()
gone:join()
local function is_left_alone()
  box:give("for others")
  return box.q:get(0.05)
end
while not is_left_alone() do mm.sleep(0) end

-- The server ends while calls wait: they fail, and nobody hangs.
local waiting = mm.Process(function(b, r)
  local ok, err = pcall(b.take, b)
  r:put({ ok, err.kind })
end, box, results)
waiting:start()
while box.there < 2 do mm.sleep(0) end
m:close()
expect.equal(results:get(expect.HANG), { false, "died" })
waiting:join()
