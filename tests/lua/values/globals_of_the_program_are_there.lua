-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

base = 10
function add(x) return x + base end
Account = {}
Account.__index = Account
function Account.new(b) return setmetatable({ balance = b }, Account) end
function Account:deposit(n)
  self.balance = self.balance + n
  return self
end
function string.shout(s) return s:upper() .. "!" end
co = coroutine.create(function() end)
local pool = mm.Pool(2)
expect.equal(pool:map(add, { 1, 2, 3 }), { 11, 12, 13 })
local account = pool:apply(function(n) return Account.new(n):deposit(5) end, 7)
expect.equal(getmetatable(account), Account)
expect.equal(account.balance, 12)
expect.equal(pool:apply(function(a) return a:deposit(1).balance end, account), 13)
expect.equal(pool:apply(function() return ("hey"):shout() end), "HEY!")
if mm.current_world() == "interpreters" then
  expect.raises("global 'co': cannot send a coroutine", pool.apply, pool, function() return co end)
end
pool:terminate()
