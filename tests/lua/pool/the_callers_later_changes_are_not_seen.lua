-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- Arguments are copied when the task is submitted; a result is a copy as well.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)
local gate, t = mm.Queue(), { n = 1 }
local blocker = pool:submit(function() return gate:get() end)
local future = pool:submit(function(v)
  v.n = v.n + 1
  return v
end, t)
t.n = 100
gate:put("go")
expect.equal(blocker:get(), "go")
local back = future:get()
expect.equal(back.n, 2)
expect.equal(t.n, 100)
-- What a function refers to is copied with each submission, too.
local count = 0
local function counter() count = count + 1 return count end
expect.equal(pool:apply(counter), 1)
expect.equal(pool:apply(counter), 1)
count = 10
expect.equal(pool:apply(counter), 11)
expect.equal(count, 10)
pool:terminate()
