-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local t = mm.Table({ a = 1, [2] = "two" })
expect.equal({ t.a, t[2], t.nothing, t:len() }, { 1, "two", nil, 2 })
t.list = { 1, { x = "y" } }
t[-5], t[2 ^ 40], t.yes, t[""] = true, 1.5, false, "empty"
expect.equal({ t.list[2].x, t[-5], t[2 ^ 40], t.yes, t[""], t:len() }, { "y", true, 1.5, false, "empty", 7 })
t.list[1] = 99
expect.equal(t.list[1], 1, "what is read is a copy")
t.a = nil
t.a = nil
expect.equal({ t.a, t:len() }, { nil, 6 })
t.f = function(x) return x + 1 end
expect.equal(t.f(1), 2)
expect.same_set(t:keys(), { 2, "list", -5, 1099511627776, "yes", "", "f" })
t.len = "a key"
expect.equal(t.len, "a key", "a key comes before a method of that name")
t.len = nil

-- It grows, and shrinks, and loses nothing.
local big = ("x"):rep(100000)
for i = 1, 3000 do t[i] = i % 100 == 0 and big or i end
for i = 1, 3000 do
  if i % 2 == 0 then t[i] = nil end
end
for i = 1, 3000 do expect.equal(t[i], i % 2 == 1 and i or nil) end
expect.equal(t:len(), 1500 + 6)
local count = 0
for key, value in t:iter() do
  if type(key) == "number" and key > 2 and key < 3001 then count = count + (key == value and 1 or 0) end
end
expect.equal(count, 1499)

expect.raises("Table: a key is a string or an integer, got table", function() t[{}] = 1 end)
expect.raises("Table: a key is a string or an integer, got number", function() return t[1.5] end)
expect.raises("Table: a key is a string or an integer, got nil", function() t[nil] = 1 end)
expect.raises("cannot send a Queue", function() t.q = mm.Queue() end)
local coroutines = { co = coroutine.create(function() end) }
expect.raises("cannot send a coroutine %(at value%.co%)", function() t.q = coroutines end)
expect.raises("Table: a table expected, got number", mm.Table, 5)
expect.equal(t.q, nil)

-- One step of several workers.
local workers = {}
for w = 1, 3 do
  workers[w] = mm.Process(function(shared, me)
    for i = 1, 300 do
      shared["w" .. me .. ":" .. i] = { i }
      if i % 3 == 0 then shared["w" .. me .. ":" .. i - 1] = nil end
      shared:update("count", function(n, by) return (n or 0) + by end, 2)
    end
  end, t, w)
  workers[w]:start()
end
for w = 1, 3 do workers[w]:join() end
expect.equal({ t.count, t["w2:300"][1], t["w3:299"] }, { 1800, 300, nil })
expect.equal(t:update("count", function() return nil end), nil)
expect.equal(t.count, nil)
expect.raises("not now", t.update, t, "count", function() error("not now", 0) end)
expect.equal(t:lock():locked(), false)

local q = mm.Queue()
q:put(t)
local same = q:get()
expect.truthy(same == t)
same.late = 1
expect.equal(t.late, 1)
t:close()
expect.raises("Table: used after close", function() return t.late end)

-- Finalizers that use a table while its keys are listed change nothing about the list.
local listed = mm.Table()
for i = 1, 500 do listed[("key %d "):format(i):rep(20)] = i end
local function use_when_collected()
  local function use()
    listed.other = #listed:keys()
    listed.other = nil
  end
  if newproxy then
    getmetatable(newproxy(true)).__gc = use
  else
    setmetatable({}, { __gc = use })
  end
end
for _ = 1, 50 do
  for _ = 1, 20 do use_when_collected() end
  local seen = {}
  for _, key in ipairs(listed:keys()) do
    if key ~= "other" then seen[#seen + 1] = listed[key] end
  end
  expect.equal(#seen, 500)
end
