-- SPDX-License-Identifier: MIT
-- A put of a task into a full queue of other VMs, and a send into a full pipe, wait for room, while other tasks run;
-- a put gives up when its time is over.
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

local queue = mm.Queue(1)
local receiver, sender = mm.Pipe(false)
local LONG = ("x"):rep(1000)

async.run(function()
  queue:put(1)
  expect.equal(select(2, queue:put(2, 0)), "full")
  expect.equal(select(2, queue:put(2, 0.001)), "timeout")

  local is_put = false
  local putter = async.spawn(function()
    local ok = queue:put(2)
    is_put = true
    return ok
  end)
  async.sleep(0)
  expect.equal(is_put, false)
  expect.equal(queue:get(), 1)
  expect.equal(putter:get(), true)
  expect.equal(queue:get(), 2)

  local count = 3000 -- more than fits
  local sending = async.spawn(function()
    for _ = 1, count do assert(sender:send(LONG)) end
    return true
  end)
  for _ = 1, count do expect.equal(#receiver:recv(), #LONG) end
  expect.equal(sending:get(), true)
end)
