-- SPDX-License-Identifier: MIT
-- A method is one function whether tasks are used or not, also one that was taken before the first task; and os.exit is
-- the host's as long as a program uses neither tasks nor threads.
-- worlds: interpreters
local exit = os.exit
local mm = require "manymoons"
local expect = require "expect"

local world, threads = mm.interpreters, mm.threads
local receiver, sender = world.Pipe(false)

local function things()
  return {
    queue = world.Queue(), simple = world.SimpleQueue(), joinable = world.JoinableQueue(), connection = receiver,
    lock = world.Lock(), rlock = world.RLock(), semaphore = world.Semaphore(), bounded = world.BoundedSemaphore(),
    event = world.Event(), local_queue = threads.Queue(1), local_simple = threads.SimpleQueue(),
    local_joinable = threads.JoinableQueue(),
    priority = world.PriorityQueue(), local_priority = threads.PriorityQueue(),
  }
end

local METHODS = { "get", "put", "get_nowait", "put_nowait", "iter", "close", "join", "task_done", "recv", "recv_bytes",
  "poll", "acquire", "release", "wait", "set", "clear" }

local function index(thing, name) return thing[name] end

local function methods_of(list)
  local found = {}
  for key, thing in pairs(list) do
    for _, name in ipairs(METHODS) do
      local ok, method = pcall(index, thing, name)
      if ok then found[key .. ":" .. name] = method end
    end
  end
  return found
end

-- Everything but tasks and threads leaves os.exit alone.
local list = things()
local before = methods_of(list)
list.queue:put(1)
expect.equal(list.queue:get(), 1)
expect.equal(world.wait({ list.event }, 0)[1], nil)
local worker = world.Process(function() end)
worker:start()
worker:join()
expect.equal(os.exit, exit)

-- Methods that were taken before the first task suspend the task alone.
local async = mm.async
local order = {}
local function note(name, ...)
  order[#order + 1] = name
  return ...
end

local function waits_with(name, key, ...)
  local args = { n = select("#", ...), ... }
  local unpack = table.unpack or unpack
  return async.spawn(function() return note(name, before[key .. ":" .. name](list[key], unpack(args, 1, args.n))) end)
end

async.run(function()
  list.lock:acquire()
  list.local_queue:put("full")
  local waiting = {
    waits_with("get", "queue"), waits_with("recv", "connection", 60), waits_with("acquire", "lock"),
    waits_with("wait", "event", 60), waits_with("put", "local_queue", "more"), waits_with("get", "local_simple"),
  }
  async.sleep(0)
  expect.equal(#order, 0)
  list.queue:put("value")
  sender:send("message")
  list.lock:release()
  list.event:set()
  list.event:clear()
  expect.equal(list.local_queue:get(), "full")
  list.local_simple:put("here")
  local results = {}
  for i, task in ipairs(waiting) do results[i] = tostring((task:get())) end
  expect.equal(table.concat(results, " "), "value message true true true here")
  expect.equal(select(2, list.queue:get(0.001)), "timeout")
  expect.equal(select(2, list.queue:get(0)), "empty")
  expect.equal(receiver:poll(0.001), false)
end)

local after = methods_of(things())
local count = 0
for name, method in pairs(before) do
  count = count + 1
  expect.equal(after[name], method)
end
expect.equal(count > 30, true)
