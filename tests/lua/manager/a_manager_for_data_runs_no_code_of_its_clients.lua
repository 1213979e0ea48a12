-- SPDX-License-Identifier: MIT
-- Manager{ trust = "data" } is for clients who must not run code in it: they share data, and call what the program that
-- started it registered.
local mm = require "manymoons"
local expect = require "expect"

expect.raises('Manager: trust: "peer" .* or "data" expected, got code', mm.Manager, { trust = "code" })

local Point = {}
Point.__index = Point
mm.register("Point", Point, { untrusted = true })

local m = mm.Manager({ trust = "data", authkey = "key" })
m:register("counter", function()
  local counter = { n = 0 }
  function counter.add(self, by)
    self.n = self.n + by
    return self.n
  end
  return counter
end)

local function uses(manager)
  local d = manager:dict({ list = { 1, 2 } })
  d.x = { deep = { "er" } }
  expect.equal({ d.x.deep[1], d:has("x") }, { "er", true })
  local q = manager:Queue()
  q:put({ 1, "two" })
  expect.equal(q:get(expect.HANG), { 1, "two" })
  local lock = manager:Lock()
  expect.equal(lock:with(function() return "held" end), "held")
  d.lock = lock -- an object of the manager's may be an argument
  d.nested = { { lock } }
  expect.truthy(d.lock:acquire(0))
  expect.equal(d.nested[1][1]:locked(), true)
  d.lock:release()
  d.point = setmetatable({ x = 1 }, Point)
  local counter = manager:counter()
  expect.equal({ counter:add(2), counter:add(3), counter.n }, { 2, 5, 5 })
end

local function refuses_code(manager)
  local d = manager:dict()
  local why = 'with trust = "data" clients send data alone'
  expect.raises(why, function() d.f = function() return 1 end end)
  expect.raises(why, function() d.f = os.execute end)
  expect.raises(why, function() d.f = string end)
  expect.raises(why, d.update, d, function(t) t.x = 1 end)
  expect.raises(why, manager.list, manager, { print })
  expect.raises(why, function() d.e = setmetatable({}, mm.Error) end)
  expect.equal(d:len(), 0)
end

-- What the server's own objects are made of leads to other clients, whose connections carry code.
local function hides_its_insides(manager)
  for _, name in ipairs({ "Lock", "RLock", "Semaphore", "RWLock", "Condition", "Event", "Queue" }) do
    local object = manager[name](manager)
    for _, key in ipairs({ "holders", "shares", "writer", "line", "here", "items", "lock", "abandon", "__index" }) do
      expect.equal({ object[key], n = 1 }, { nil, n = 1 }, name .. "." .. key)
    end
    expect.raises(name .. ": it has no fields to assign", function() object.holders = {} end)
    expect.raises(name .. ": it has no pairs", manager.pairs, manager, object)
  end
  local lock, queue = manager:RWLock(), manager:Queue()
  expect.truthy(lock:acquire_write(0))
  expect.equal({ lock.writer, n = 1 }, { nil, n = 1 })
  lock:release_write()
  expect.raises("Queue:put: ", queue.put, { items = {}, last = 0 }, 1)
  local barrier = manager:Barrier(2)
  expect.equal({ barrier.parties, barrier.n_waiting, barrier.broken }, { 2, 0, false })
  local value = manager:Value("i", 3)
  value.value = value.value + 1
  expect.equal(value:add(1), 5)
end

-- Requests that would keep the server busy, or fill its memory, for the price of a few bytes.
local function small_requests_are_small(manager)
  expect.raises("Array: ", manager.Array, manager, "i", 1e15)
  expect.raises("list:insert: a position from 1 to", function() manager:list({ 1 }):insert(-2 ^ 31, 1) end)
  local wide = {}
  for i = 1, 2000 do wide[i] = i end
  local wider, widest = {}, {}
  for i = 1, 2000 do wider[i] = wide end
  for i = 1, 2000 do widest[i] = wider end
  expect.truthy(#tostring(manager:list(widest)) < 2 ^ 20)
end

uses(m)
refuses_code(m)
hides_its_insides(m)
small_requests_are_small(m)
if mm.current_world() == "processes" or mm.current_world() == "interpreters" then
  local other = assert(mm.connect(m.address, "key"))
  uses(other)
  refuses_code(other)
  hides_its_insides(other)
  local only = 'Manager:register: with trust = "data" the program that started the manager may, and no client'
  expect.raises(only, other.register, other, "evil", function() return {} end)
  -- a client that does not ask its own library first
  local proxies = mm._require("manager.proxies")
  local server = rawget(other, "_server")
  local code, forged = mm.dumps(function() return {} end), ("x"):rep(32)
  expect.raises(only, proxies.ask, server, nil, nil, "register", "evil", code, forged)
  expect.raises("Manager:shutdown: .* no client", proxies.ask, server, nil, nil, "shutdown")
  expect.raises("nothing is registered as 'evil'", other.evil, other)
  other:close()
  local worker = mm.Process(function(d) d.from = "a worker" end, m:Namespace())
  worker:start()
  worker:join()
  expect.equal(worker.exitcode, 0)
end
m:close()
