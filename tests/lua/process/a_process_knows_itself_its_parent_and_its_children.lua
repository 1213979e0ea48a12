-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local q, go_on = mm.Queue(), mm.Queue()
local function tell()
  local here, parent = mm.current_process(), mm.parent_process()
  q:put({ here.name, here.daemon, parent and parent.name })
end
local outer = mm.Process(function()
  tell()
  local inner = mm.Process{ target = function()
    tell()
    go_on:get()
  end, daemon = true }
  inner:start()
  go_on:get()
  q:put(#mm.active_children())
  inner:join()
  q:put(#mm.active_children())
end)
expect.equal(#mm.active_children(), 0)
outer:start()
expect.equal(#mm.active_children(), 1)
expect.equal(mm.active_children()[1].name, outer.name)
expect.equal(q:get(), { outer.name, false, "MainProcess" })
expect.equal(q:get(), { outer.name .. ":1", true, outer.name })
go_on:put(1)
local first = q:get()
go_on:put(2)
-- One of the two took the first value: the count says which, and both are right.
expect.truthy(first == 1 or first == 0, "children")
expect.equal(q:get(), 0)
outer:join()
expect.equal(#mm.active_children(), 0)
