-- SPDX-License-Identifier: MIT
-- worlds: interpreters
local mm = require "manymoons"
local expect = require "expect"

local WAITERS = 200
local q, got = mm.Queue(), mm.Queue()
local waiters = {}
for i = 1, WAITERS do
  waiters[i] = mm.Process(function()
    got:put("waiting")
    got:put(q:get())
  end)
  waiters[i]:start()
end
for _ = 1, WAITERS do expect.equal(got:get(), "waiting") end
for i = 1, WAITERS do
  q:put(i)
  expect.equal(got:get(), i)
  expect.equal(got:empty(), true)
end
for i = 1, WAITERS do waiters[i]:join() end
