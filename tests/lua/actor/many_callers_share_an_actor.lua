-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- Handles travel; each caller's calls stay in their order; concurrent calls wait side by side; a full mailbox makes
-- callers wait; tasks wait alone.
local mm = require "manymoons"
local expect = require "expect"

local function recorder()
  local object, last, sums = {}, {}, { in_order = true }
  function object.take(_, who, n)
    if n ~= (last[who] or 0) + 1 then sums.in_order = false end
    last[who] = n
    return n
  end
  function object.summary(_)
    local count = 0
    for _ in pairs(last) do count = count + 1 end
    return sums.in_order, count
  end
  return object
end

-- Workers that were handed the actor call it, each in its own order, and hand it on.
local function call_often(actor, who, again)
  local mm = require("manymoons") -- luacheck: ignore 431
  for i = 1, 60 do
    local way = i % 3 == 0 and actor.send or i % 3 == 1 and actor.submit
    if way then way(actor, "take", who, i) else actor:take(who, i) end
  end
  assert(actor:take(who, 61) == 61)
  if not again then return end
  local p = mm.Process(again, actor, who .. "'s child")
  p:start()
  assert(p:join() and p.exitcode == 0)
end
local a = mm.Actor(recorder)
local workers = {}
for i = 1, 3 do
  workers[i] = mm.Process(call_often, a, "worker " .. i, i == 1 and call_often or nil)
  workers[i]:start()
end
call_often(a, "the maker")
for i = 1, 3 do
  expect.equal(workers[i]:join(expect.HANG), true)
  expect.equal(workers[i].exitcode, 0)
end
expect.equal({ a:summary() }, { true, 5 })

-- Through a queue it is the same actor.
local q = mm.Queue()
q:put(a)
local same = q:get()
expect.truthy(same == a)
expect.equal({ same:summary() }, { true, 5 })
local world = mm.current_world()
if world == "interpreters" or world == "processes" then -- another handle, which goes alone
  same:close()
  expect.raises("used after close", same.summary, same)
end
expect.equal({ a:summary() }, { true, 5 })

-- concurrent: calls wait side by side, as many as there may be.
local function gate(size)
  local mm = require("manymoons") -- luacheck: ignore 431
  local object, here, most, open = {}, 0, 0, mm.async.Event()
  function object.pass(_, i)
    here = here + 1
    most = math.max(most, here)
    if here == size then open:set() end
    open:wait()
    here = here - 1
    return i, require("manymoons").current_process().name
  end
  function object.most(_) return most end
  return object
end
local side_by_side = mm.Actor({ factory = gate, args = { 3 }, concurrent = 3, name = "gate" })
local futures = {}
for i = 1, 7 do futures[i] = side_by_side:submit("pass", i) end
for i = 1, 7 do expect.equal({ futures[i]:get(expect.HANG) }, { i, "gate" }) end
expect.equal(side_by_side:most(), 3)
expect.equal(side_by_side:stop(), true)

-- maxsize: one call runs, one waits in the mailbox, and callers wait for room.
local function slow(entered, go)
  local object, done = {}, 0
  function object.work(_)
    entered:put("in")
    go:get()
    done = done + 1
    return done
  end
  return object
end
local entered, go = mm.Queue(), mm.Queue()
local narrow = mm.Actor({ factory = slow, args = { entered, go }, maxsize = 1 })
local function fill(actor, said)
  for _ = 1, 4 do
    actor:send("work")
    said:put("sent")
  end
end
local said = mm.Queue()
local filler = mm.Process(fill, narrow, said)
filler:start()
expect.equal(entered:get(expect.HANG), "in")
expect.equal(said:get(expect.HANG), "sent")
expect.equal(said:get(expect.HANG), "sent")
expect.equal({ said:get(0.05) }, { nil, "timeout" })
for _ = 1, 4 do go:put(1) end
expect.equal(said:get(expect.HANG), "sent")
expect.equal(said:get(expect.HANG), "sent")
expect.equal(filler:join(expect.HANG), true)
go:put(1)
expect.equal(narrow:work(), 5)

-- In a task a call suspends the task alone.
while entered:get_nowait() do end
local log = {}
mm.async.run(function()
  local waiting = mm.async.spawn(function()
    log[#log + 1] = "calls"
    narrow:work()
    log[#log + 1] = "has called"
  end)
  local other = mm.async.spawn(function()
    while entered:qsize() == 0 do mm.sleep(0) end
    log[#log + 1] = "runs"
    go:put(1)
  end)
  mm.async.gather({ waiting, other })
  local list = {}
  for i = 1, 5 do list[i] = mm.async.spawn(function() return a:take("task " .. i, 1) end) end
  expect.equal(mm.async.gather(list), { 1, 1, 1, 1, 1, n = 5 })
end)
expect.equal(log, { "calls", "runs", "has called" })

-- A future's callbacks, its close, and waiting without time.
local heard
local future = a:submit("summary"):on_done(function(f) heard = f:get() end)
expect.equal(future:wait(expect.HANG), true)
expect.equal(heard, true)
local held = narrow:submit("work")
expect.equal({ held:get(0) }, { nil, "timeout" })
expect.equal(held:ready(), false)
expect.equal(held:cancel(), false)
go:put(1)
expect.truthy(held:get(expect.HANG))
narrow:stop()
a:stop()
