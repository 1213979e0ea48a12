-- SPDX-License-Identifier: MIT
-- A request that fails, in whatever way, fails alone: the server and all that it holds stay.
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager()
local kept = m:dict({ n = 1 })

-- Errors whose text cannot be had.
local function raise_odd(how)
  local meta = { __tostring = function()
    if how == "raises" then error("no text") end
    return how == "no string" and {} or how
  end }
  error(setmetatable({}, meta))
end
for _, how in ipairs({ "raises", "no string", "text" }) do
  local ok, err = pcall(kept.update, kept, function(_, f, word) f(word) end, raise_odd, how)
  expect.equal({ ok, err.kind, err.worker }, { false, "error", "Manager" })
  expect.truthy(err.message:find(how == "text" and "text" or "error object is a table value"), err.message)
end

-- What is returned and cannot be sent.
local ok, err = pcall(kept.update, kept, function() return function() return coroutine.create(print) end end)
expect.equal({ ok, err }, { true, err })
expect.equal(kept.n, 1)

-- Objects of the script with names that the server uses itself, and with methods that yield.
local Account = {}
Account.__index = Account
function Account.abandon() error("not the server's to call") end
function Account.__tostring() error("no text either") end
function Account.wait_twice(self)
  coroutine.yield("nobody expects this")
  coroutine.yield()
  self.n = self.n + 1
  return self.n
end
m:register("account", function(n)
  coroutine.yield("nor this")
  return setmetatable({ n = n }, Account)
end)
local account = m:account(5)
expect.equal({ account.n, account:wait_twice() }, { 5, 6 })
expect.raises("no text either", tostring, account)
expect.equal(kept:update(function(t)
  coroutine.yield(t)
  t.n = t.n + 1
  return t.n
end), 2)

-- A long reply, and one of many parts.
kept.text = ("x"):rep(3000000)
expect.equal(#kept.text, 3000000)
local many = m:list()
many:update(function(t) for i = 1, 30000 do t[i] = "item number " .. i end end)
expect.equal({ #many:copy(), many[30000] }, { 30000, "item number 30000" })

-- nil is a value.
local q = m:Queue()
q:put(nil)
q:put(1)
expect.equal({ q:qsize(), q:get(), q:get() }, { 2, nil, 1 })
expect.equal({ q:get(0) }, { nil, "empty" })
expect.raises("Queue:put: value expected", q.put, q)

if mm.current_world() == "serial" then return m:close() end

-- A client that ends in the middle of it all.
local said = mm.Queue()
local client = mm.Process(function(a, s)
  s:put(a.n)
  while true do require("manymoons").sleep(1) end
end, account, said)
client:start()
expect.equal(said:get(expect.HANG), 6)
client:terminate()
client:join()
expect.equal({ kept.n, account.n }, { 2, 6 })

-- Permits of a client that ends come back, of a semaphore as well.
local permits = m:Semaphore(2)
local holder = mm.Process(function(p, s)
  p:acquire()
  p:acquire()
  s:put("has both")
  while true do require("manymoons").sleep(1) end
end, permits, said)
holder:start()
expect.equal(said:get(expect.HANG), "has both")
holder:terminate()
expect.equal({ permits:acquire(expect.HANG) }, { true, "abandoned" })
expect.equal({ permits:acquire(expect.HANG) }, { true, "abandoned" })
holder:join()
m:close()
