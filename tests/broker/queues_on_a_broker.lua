-- SPDX-License-Identifier: MIT
-- A queue of several programs, on several machines: bounds, timeouts, what is taken and not done comes back, nothing is
-- put twice, and closing is for all.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server("--appendfsync always")
local function queue(name, maxsize)
  return mm.Queue{ broker = server.url, name = name, maxsize = maxsize }
end

-- bounds and timeouts
local q = queue("bounded", 2)
expect.equal({ q:put("a"), q:put({ b = { 1, 2 } }) }, { true, true })
expect.equal({ q:put("c", 0) }, { nil, "full" })
local start = mm.time()
expect.equal({ q:put("c", 0.2) }, { nil, "timeout" })
expect.truthy(mm.time() - start >= 0.2, "it waited")
expect.equal({ q:qsize(), q:full(), q:empty() }, { 2, true, false })
expect.equal(q:get(), "a")
expect.equal(q:get().b, { 1, 2 })
expect.equal({ q:get(0) }, { nil, "empty" })
expect.equal({ q:get(0.1) }, { nil, "timeout" })
expect.equal({ q:put(nil) }, { true })
expect.equal({ q:get() }, {})
expect.raises("cannot send a coroutine", q.put, q, coroutine.create(print))
expect.raises("to another machine", q.put, q, mm.Lock())
expect.raises("maxsize", queue, "x", -1)
expect.raises("name", queue, "white space")
expect.raises("unknown option 'size'", mm.Queue, { broker = server.url, name = "x", size = 1 })
expect.raises("JoinableQueue", q.task_done, q)

-- a full one lets a putter go on as soon as there is room; a function is an item, too, for whoever has the secret
local filler = mm.Process(function(out)
  for i = 1, 50 do assert(out:put(i)) end
  out:put(function(x) return x + 1 end)
end, q)
filler:start()
for i = 1, 50 do expect.equal(q:get(expect.HANG), i) end
expect.equal(q:get(expect.HANG)(1), 2)
expect.equal(filler:join(expect.HANG), true)

-- many producers and consumers: each item once; then it is closed, for all
local many, got = queue("many", 20), queue("got")
local producers, consumers = {}, {}
for p = 1, 3 do
  producers[p] = mm.Process(function(out, number)
    for i = 1, 100 do out:put(number * 1000 + i) end
  end, many, p)
  consumers[p] = mm.Process(function(from, out)
    for item in from:iter() do out:put(item) end
  end, many, got)
  producers[p]:start()
  consumers[p]:start()
end
local seen, count = {}, 0
for _ = 1, 300 do
  local item = got:get(expect.HANG)
  expect.equal(seen[item], nil)
  seen[item], count = true, count + 1
end
many:close()
for p = 1, 3 do
  expect.equal(producers[p]:join(expect.HANG), true)
  expect.equal(consumers[p]:join(expect.HANG), true)
  expect.equal(consumers[p].exitcode, 0)
end
expect.equal({ many:put(1) }, { nil, "closed" })
expect.equal({ many:get() }, { nil, "closed" })
expect.equal({ queue("many"):get() }, { nil, "closed" })
local anew = queue("many")
expect.equal(anew:put("again"), true)
expect.equal(many:get(), "again")

-- what was taken and not done comes back when its taker is killed; join waits for it
local j = mm.JoinableQueue{ broker = server.url, name = "jobs", lease = 0.6 }
j:put("first")
j:put("second")
local taker = mm.Process{ method = "spawn", target = function(from, taken)
  local value = from:get()
  taken:put(value)
  require("manymoons").sleep(1000)
end, args = { j, got } }
taker:start()
expect.equal(got:get(expect.HANG), "first")
expect.equal(j:get(), "second")
expect.equal({ j:join(0.05) }, { nil, "timeout" })
expect.equal(j:task_done(), true)
taker:kill()
expect.equal(j:get(expect.HANG), "first")
expect.equal({ j:join(0.05) }, { nil, "timeout" })
expect.equal(j:task_done(), true)
expect.equal(j:join(expect.HANG), true)
expect.raises("all that this program took is done", j.task_done, j)

-- the server restarts under it; an item whose delivery was lost on the way comes again, behind the others
local steady = mm.Queue{ broker = server.url, name = "steady", lease = 5 }
local reader = mm.Process(function(from, out)
  for _ = 1, 200 do out:put(from:get()) end
end, steady, got)
reader:start()
for i = 1, 200 do
  if i == 60 or i == 140 then
    server:kill()
    server:start()
  end
  expect.equal(steady:put(i), true)
end
local came = {}
for _ = 1, 200 do
  local i = got:get(expect.HANG)
  expect.truthy(i and not came[i], "item " .. tostring(i))
  came[i] = true
end
expect.equal(#came, 200)
expect.equal(reader:join(expect.HANG), true)
