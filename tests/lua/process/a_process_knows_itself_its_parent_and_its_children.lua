-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local q, outer_goes_on, inner_ends = mm.Queue(), mm.Queue(), mm.Queue()
local function tell()
  local here, parent = mm.current_process(), mm.parent_process()
  q:put({ here.name, here.daemon, parent and parent.name })
end
local outer = mm.Process(function()
  tell()
  local inner = mm.Process{ target = function()
    tell()
    inner_ends:get()
  end, daemon = true }
  inner:start()
  outer_goes_on:get()
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
outer_goes_on:put(true)
expect.equal(q:get(), 1)
inner_ends:put(true)
expect.equal(q:get(), 0)
outer:join()
expect.equal(#mm.active_children(), 0)
