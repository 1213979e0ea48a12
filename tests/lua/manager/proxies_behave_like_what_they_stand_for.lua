-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

-- Tables have no __len in Lua 5.1 and LuaJIT.
local function len(proxy) return _VERSION == "Lua 5.1" and proxy:len() or #proxy end

local m = mm.Manager()
expect.equal({ type(m.pid), type(m.address) }, { "number", "string" })

local d = m:dict({ a = 1 })
d.b = { c = { 10, 20 } }
d[1] = "one"
expect.equal({ d.a, d.b.c[2], d[1], d.nothing }, { 1, 20, "one", nil })
d.b.c[3] = 30
expect.equal({ d.b.c[3], len(d.b.c) }, { 30, 3 }, "what is inside is live")
d.a = nil
expect.equal(d.a, nil)
expect.same_set(d:keys(), { "b", 1 })
expect.equal({ d:get("none", 5), d:has("b"), d:len() }, { 5, true, 2 })
expect.equal(d:pop(1), "one")
expect.equal(tostring(d), "{b = {c = {10, 20, 30}}}")
d.get = "a key"
expect.equal(d.get, "a key", "a key comes before a method of that name")
d.get = nil
local copy = d:copy()
copy.b.c[1] = 99
expect.equal(d.b.c[1], 10, "a copy is one")

local l = m:list({ 3, 1, 2 })
expect.equal({ len(l), l[1], l[4] }, { 3, 3, nil })
l:append(5)
l:sort()
l:insert(1, 0)
l:extend({ 6, 7 })
expect.equal({ tostring(l), l:pop(), l:pop(1), len(l) }, { "{0, 1, 2, 3, 5, 6, 7}", 7, 0, 5 })
local sum = 0
for _, x in m:pairs(l) do sum = sum + x end
expect.equal(sum, 1 + 2 + 3 + 5 + 6)
local count = 0
for i, x in ipairs(l:values()) do count = count + i * x end
expect.equal(count, 1 + 4 + 9 + 20 + 30)

expect.truthy(d.b == d.b)
expect.truthy(d ~= l)
l[1] = d
expect.truthy(l[1] == d, "a proxy inside stands for its object")
d.late = "seen"
expect.equal(l[1].late, "seen")

-- update: one step on the server.
expect.equal({ d:update(function(t, n)
  t.count = (t.count or 0) + n
  return t.count, "more"
end, 5) }, { 5, "more" })
d:update({ x = 1, y = 2 })
expect.equal({ d.x, d.y, d.count }, { 1, 2, 5 })

-- Errors come with the server's traceback.
local ok, err = pcall(d.update, d, function() error("broken there") end)
expect.equal({ ok, err.kind, err.worker }, { false, "error", "Manager" })
expect.truthy(err.message:match("broken there$") and err.traceback:match("stack traceback"), err.message)
ok, err = pcall(d.update, d, function() error({ code = 7 }) end)
expect.equal({ ok, err.value }, { false, { code = 7 } })
expect.raises("nothing is registered as 'nonsense'", m.nonsense, m)

local ns = m:Namespace()
ns.x = 4
expect.equal({ ns.x, tostring(ns) }, { 4, "{x = 4}" })
local v = m:Value("i", 3)
v.value = v.value + 1
expect.equal({ v.value, v:add(2), v:cas(6, 7), v:cas(6, 8), v.value }, { 4, 6, true, false, 7 })
local a = m:Array("i", { 1, 2, 3 })
a[2] = 20
expect.equal({ a[2], len(a) }, { 20, 3 })

-- What is registered.
m:register("account", function(start)
  local account = { balance = start }
  function account:pay(amount)
    if amount > self.balance then error("too little", 0) end
    self.balance = self.balance - amount
    return self.balance
  end
  return account
end)
local account = m:account(10)
expect.equal({ account:pay(3), account.balance }, { 7, 7 })
expect.raises("too little", account.pay, account, 100)
expect.raises("Manager:register: function expected", m.register, m, "x", 5)
expect.raises("Manager:register: 'register' is the manager's own", m.register, m, "register", print)
expect.raises("Manager: unknown option 'adress'", mm.Manager, { adress = "x" })
if mm.current_world() == "serial" then
  expect.raises("Manager: address: a manager of the serial world serves its own program alone", mm.Manager,
    { address = "127.0.0.1:0" })
end
m:close()
m:close()
expect.raises("the server is gone", function() return d.b end)
expect.raises("Manager:dict: used after close", m.dict, m)
