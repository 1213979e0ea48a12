-- SPDX-License-Identifier: MIT
-- A future among the arguments of a call stands for its value: the call waits for it, keeps no worker waiting, and
-- fails as it does.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local function add(a, b) return a + b end
local function slowly(x)
  require("manymoons").sleep(0.01)
  return x, "more"
end
local function fail() error({ code = 7 }) end

for _, workers in ipairs({ 1, 2 }) do
  local pool = mm.Pool(workers)
  -- In a chain, twice in one call, between others, and with nil.
  local first = pool:submit(slowly, 1)
  local second = pool:submit(add, first, 10)
  local third = pool:apply_async(add, { second, second })
  expect.equal(third:get(), 22)
  expect.equal({ first:get() }, { 1, "more" })
  expect.equal(pool:apply(function(...) return select("#", ...), ... end, nil, pool:submit(slowly, 3), nil), 3)
  expect.equal({ pool:apply(function(...) return ... end, "a", pool:submit(slowly, nil), "b") }, { "a", nil, "b" })
  -- Waiting for it any other way.
  local future = pool:submit(add, pool:submit(slowly, 4), 1)
  expect.equal(mm.wait({ future }, expect.HANG), { future })
  expect.equal({ future:ready(), future:get() }, { true, 5 })
  local seen = {}
  local a = pool:submit(slowly, 1)
  local b = pool:submit(add, a, 1):on_done(function(done) seen[#seen + 1] = done:get() end)
  for done in mm.as_completed({ b, a }) do expect.truthy(done:successful()) end
  expect.equal(seen, { 2 })
  -- A tree of calls, in which all but the leaves wait.
  local function tree(depth)
    if depth == 0 then return pool:submit(function() return 1 end) end
    return pool:submit(add, tree(depth - 1), tree(depth - 1))
  end
  expect.equal(tree(5):get(), 32)
  -- A failure goes through, with its value, and the call does not run.
  local ran = mm.Value and mm.current_world() ~= "serial" and mm.Value("i32", 0)
  local failing = pool:submit(function(x)
    if ran then ran:add(1) end
    return x
  end, pool:submit(fail))
  expect.equal(expect.raises("", failing.get, failing).value, { code = 7 })
  expect.truthy(not ran or ran.value == 0)
  failing = pool:submit(add, pool:submit(slowly, 1), pool:submit(add, pool:submit(fail), 1))
  expect.equal(expect.raises("", failing.get, failing).value.code, 7)
  -- What the caller changes later is not seen by a call that has a VM of its own.
  local box = { 5 }
  future = pool:submit(function(x, t) return x + t[1] end, pool:submit(slowly, 1), box)
  box[1] = 500
  local world = mm.current_world()
  expect.equal(future:get(), (world == "async" or world == "threads") and 501 or 6)
  -- Of another pool, and of another world.
  local other, serial = mm.Pool(1), mm.serial.Pool(1)
  expect.equal(pool:submit(add, other:submit(slowly, 1), serial:submit(add, 1, 1)):get(), 3)
  expect.equal(serial:submit(add, pool:submit(slowly, 1), 1):get(), 2)
  future = pool:submit(add, other:submit(slowly, 1), 1)
  pool:close()
  expect.equal({ pool:join(), future:get() }, { true, 2 }) -- which were not put before
  other:terminate()
end

-- A task stands for its value, too.
local pool = mm.Pool(1)
mm.async.run(function()
  local task = mm.async.spawn(function()
    mm.async.sleep(0.001)
    return 5
  end)
  expect.equal(pool:submit(add, task, 1):get(), 6)
  task = mm.async.spawn(error, "of a task")
  local future = pool:submit(add, task, 1)
  expect.raises("of a task", future.get, future)
end)

-- The end of the waiting call: cancelled, with its pool, with that of the other.
if mm.current_world() ~= "serial" then
  local function endless()
    while not require("manymoons").cancelled() do require("manymoons").sleep(0.001) end
  end
  local long = pool:submit(endless)
  local waiting = pool:submit(add, long, 1)
  local next_one = pool:submit(add, waiting, 1)
  expect.equal({ waiting:ready(), waiting:get(0) }, { false, nil, "timeout" })
  expect.equal({ waiting:wait(0.001) }, { nil, "timeout" })
  expect.equal(waiting:cancel(), true)
  expect.equal(expect.raises("cancelled", next_one.get, next_one).kind, "cancelled")
  waiting = pool:submit(add, long, 1)
  expect.equal(long:cancel(), true)
  expect.equal(expect.raises("cancelled", waiting.get, waiting).kind, "cancelled")
  expect.equal(pool:apply(add, 1, 2), 3)
  local other = mm.Pool(1)
  waiting = other:submit(add, pool:submit(endless), 1)
  other:terminate()
  expect.equal(expect.raises("terminated", waiting.get, waiting).kind, "cancelled")
  other = mm.Pool(1)
  waiting = other:submit(add, pool:submit(endless), 1)
  pool:terminate()
  expect.equal(expect.raises("terminated", waiting.get, waiting).kind, "cancelled")
  other:terminate()
end
pool:terminate()

-- What cannot be sent is refused at once; a value that cannot be sent fails the call.
pool = mm.Pool(1)
local co = coroutine.create(function() end)
if mm.current_world() == "interpreters" or mm.current_world() == "processes" then
  expect.raises("cannot send a coroutine", pool.submit, pool, add, pool:submit(slowly, 1), co)
  local local_pool = mm.threads.Pool(1)
  local future = pool:submit(type, local_pool:submit(function() return co end))
  expect.equal(expect.raises("cannot send a coroutine", future.get, future).kind, "unsendable")
  local_pool:terminate()
end
local done = pool:submit(add, 1, 2)
done:get()
done:close()
expect.raises("used after close", pool.submit, pool, add, done, 1)
pool:terminate()
