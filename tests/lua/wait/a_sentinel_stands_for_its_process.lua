-- SPDX-License-Identifier: MIT
-- Process.sentinel is what mm.wait takes for the end of a Process, as in Python: in each world, before and after the
-- end, and the same one until it is closed.
local mm = require "manymoons"
local expect = require "expect"

local world = mm.current_world()

local function process(f, ...)
  local p = mm.Process(f, ...)
  expect.equal(p.sentinel, nil, "nothing before the start")
  p:start()
  return p
end

local quick = process(function() end)
local sentinel = quick.sentinel
expect.equal({ mm.wait({ sentinel }, expect.HANG) }, { { sentinel } })
quick:join()
expect.equal(quick:is_alive(), false)
expect.truthy(quick.sentinel == sentinel, "the same one after the end")
expect.equal({ mm.wait({ sentinel }, 0) }, { { sentinel } }, "after the join")
quick:close()
expect.equal(quick.sentinel, nil, "nothing after the close")

local unasked = process(function() end)
unasked:join()
expect.equal(#mm.wait({ unasked.sentinel }, 0), 1, "first asked after the end")

if world ~= "serial" then
  local gate, queue = mm.Event(), mm.Queue()
  local one = process(function(event) event:wait() end, gate)
  local two = process(function(q) q:get() end, queue)
  local of = { [one.sentinel] = one, [two.sentinel] = two } -- as programs keep them
  expect.equal({ mm.wait({ one.sentinel, two.sentinel }, 0) }, { {}, "timeout" })
  queue:put(1)
  local ready = mm.wait({ one.sentinel, two.sentinel })
  expect.equal(#ready, 1)
  expect.truthy(of[ready[1]] == two, "the one that has ended")
  gate:set()
  expect.truthy(of[mm.wait({ one.sentinel })[1]] == one)
  one:join()
  two:join()

  mm.async.run(function() -- in a task
    local late = process(function(q) q:get() end, queue)
    queue:put(2)
    expect.equal(#mm.wait({ late.sentinel }), 1)
    late:join()
  end)
end
