-- SPDX-License-Identifier: MIT
-- brokers: none
-- A call that has ended before terminate has its result, also if nobody has asked for it yet; one that runs is
-- cancelled.
local mm = require "manymoons"
local expect = require "expect"

local pool, began = mm.Pool(1), mm.Queue()
local done, failed = pool:submit(tostring, 1), pool:submit(error, "failed")
local open = pool:submit(function(queue)
  queue:put(true) -- the worker has sent what it did before
  if require("manymoons").current_world() ~= "serial" then require("manymoons").sleep(1e6) end
end, began)
expect.equal(began:get(), true)
pool:terminate()
expect.equal(done:get(), "1")
expect.equal(expect.raises("failed", failed.get, failed).kind, "error")
if mm.current_world() ~= "serial" then
  expect.equal(expect.raises("terminated", open.get, open).kind, "cancelled")
end
