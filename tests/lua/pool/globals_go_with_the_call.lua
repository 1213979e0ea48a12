-- SPDX-License-Identifier: MIT
-- brokers: none
-- A task sees the globals that its caller saw when it made the call, also those that changed, or were defined or
-- removed, after the pool was made.
local mm = require "manymoons"
local expect = require "expect"

scale, doomed = 1, "there"
limits = { most = 3, nested = { list = { 1, 2, 3 } } }
Account = {}
Account.__index = Account
function Account.new(n) return setmetatable({ balance = n }, Account) end
function helper(x) return x * scale end
local rate = 1
function rated(x) return x * rate end
methods = { area = function(x) return x * scale end }
function string.twice(s) return s .. s end

local pool = mm.Pool(2)
local function all(f, ...) -- what f gives in both workers
  local args = { ... }
  local results = pool:map(function() return (f(checks_unpack(args))) end, { 1, 2, 3, 4 }, { chunksize = 1 })
  for i = 2, 4 do expect.equal(results[i], results[1]) end
  return results[1]
end
checks_unpack = table.unpack or unpack

local function use() return scale end
expect.equal(pool:apply(use), 1)
scale = 2
expect.equal(pool:apply(use), 2)
expect.equal(all(use), 2)
expect.equal(pool:apply(function(x) return helper(x) end, 10), 20, "through a global function")
local function own(x) return helper(x) end
expect.equal(pool:apply(function(x) return own(x) end, 10), 20, "through functions in upvalues")
expect.equal(pool:apply(function(x) return methods.area(x) end, 10), 20, "through a field of a global table")
expect.equal(pool:apply(function(x)
  local function inner() return scale * x end
  return inner()
end, 10), 20, "in a function inside it")
expect.equal(pool:apply(function() return _G.scale end), 2, "as _G.scale")
expect.equal(pool:apply(function() return _G["scale"] end), 2, "as _G['scale']")
expect.equal(pool:apply(helper, 10), 20, "in the function itself")
expect.equal(pool:map(helper, { 1, 2, 3 }), { 2, 4, 6 })
expect.equal(pool:starmap(helper, { { 1 }, { 2 } }), { 2, 4 })
expect.equal(pool:reduce(helper, { 1, 2, 3 }, function(a, b) return a + b * scale end), 2 + 4 * 2 + 6 * 2)
expect.equal(pool:submit(helper, 7):get(), 14)
for result in pool:imap(helper, { 4 }) do expect.equal(result, 8) end
rate = 5
expect.equal(pool:apply(function(x) return rated(x) end, 2), 10, "an upvalue of a global function")

-- Names that are new, and names that are gone.
late = "defined later"
function late_helper() return late, doomed end
doomed = nil
expect.equal({ pool:apply(function() return late, doomed end) }, { "defined later" })
expect.equal(pool:apply(function() return (late_helper()) end), "defined later")
late = "changed"
expect.equal(pool:apply(function() return (late_helper()) end), "changed")
doomed = false
expect.equal(pool:apply(function() return doomed end), false)

-- Contents of tables.
local function read() return limits.most + #limits.nested.list end
expect.equal(pool:apply(read), 6)
limits.most = 10
expect.equal(all(read), 13)
table.insert(limits.nested.list, 4)
expect.equal(all(read), 14)
limits.nested.list[1], limits.nested.list = nil, { 1 }
expect.equal(all(read), 11)
limits.itself = limits
expect.equal(all(function() return limits.itself == limits end), true)

-- Classes.
function Account:deposit(n)
  self.balance = self.balance + n * scale
  return self
end
local account = pool:apply(function(n) return Account.new(n):deposit(5) end, 7)
expect.equal(getmetatable(account), Account)
expect.equal(account.balance, 17)
expect.equal(pool:apply(function(a) return a:deposit(1).balance end, account), 19, "a method of an argument")
Later = {}
Later.__index = Later
function Later:name() return "later " .. self.n end
local object = setmetatable({ n = 1 }, Later)
expect.equal(pool:apply(function(o) return o:name(), getmetatable(o) == Later end, object), "later 1")
expect.equal({ pool:apply(function() return object:name(), getmetatable(object) == Later end) }, { "later 1", true })
the_object = object
expect.equal({ pool:apply(function() return the_object:name(), getmetatable(the_object) == Later end) },
  { "later 1", true })

-- Functions among the arguments.
scale = 3
expect.equal(pool:apply(function(f, x) return f(x) end, helper, 2), 6)
expect.equal(pool:map(function(f) return f(2) end, { helper, methods.area }), { 6, 6 })
expect.equal(pool:apply_async(function(f, x) return f(x) end, { helper, 2 }, { retries = 1 }):get(), 6)

-- Objects that upvalues and globals share.
shared = { n = 1 }
local same = shared
expect.equal(pool:apply(function() return shared == same end), true)

-- A task's own assignments stay until the caller's value changes.
local one = mm.Pool(1)
count = 0
function step()
  count = count + 1
  return count
end
if mm.current_world() == "processes" or mm.current_world() == "interpreters" then
  expect.equal({ one:apply(step), one:apply(step), one:apply(step) }, { 1, 2, 3 })
  count = 10
  expect.equal({ one:apply(step), one:apply(step), count }, { 11, 12, 10 })
end

-- A global that cannot be sent raises where it is used, naming it, and only there.
if mm.current_world() == "interpreters" or mm.current_world() == "processes" then
  connection = coroutine.create(function() end)
  expect.raises("global 'connection': cannot send a coroutine", one.apply, one, function() return connection end)
  expect.equal(one:apply(function(use_it) return use_it and connection or 5 end), 5)
  connection = 6
  expect.equal(one:apply(function() return connection end), 6)
end

-- A call that was made before a change.
current = "old"
local f = one:submit(function() return current end)
local results = one:imap(function() return current end, { 1, 2, 3 }, { window = 1 })
if mm.current_world() == "interpreters" or mm.current_world() == "processes" then
  current = "new"
  expect.equal(one:apply(function() return current end), "new")
  expect.equal(f:get(), "old")
  for result in results do expect.equal(result, "old") end
  expect.equal(one:apply(function() return current end), "new")
end
one:terminate()
pool:terminate()
