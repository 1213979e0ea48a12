-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local event = mm.Event()
expect.equal({ event:is_set(), tostring(event) }, { false, "Event: not set" })
expect.equal({ event:wait(0) }, { nil, "timeout" })
local start = mm.time()
expect.equal({ event:wait(0.03) }, { nil, "timeout" })
expect.truthy(mm.time() - start >= 0.03)
event:set()
event:set()
expect.equal({ event:is_set(), event:wait(), event:wait(0) }, { true, true, true })
expect.equal(mm.wait({ mm.Queue(), event }, expect.HANG), { event })
event:clear()
expect.equal(event:is_set(), false)
expect.equal(mm.wait({ event }, 0), {})

if mm.current_world() ~= "serial" then
  -- All waiters continue, although the event is cleared at once.
  local ready, done, workers = mm.Queue(), mm.Queue(), {}
  for i = 1, 4 do
    workers[i] = mm.Process(function(e, r, d)
      r:put(true)
      d:put(e:wait(expect.HANG))
    end, event, ready, done)
    workers[i]:start()
  end
  for _ = 1, 4 do ready:get(expect.HANG) end
  mm.sleep(0.02) -- most of them sleep by now; the set below wakes the others
  repeat
    event:set()
    event:clear()
    mm.sleep(0.005)
  until done:qsize() == 4
  for i = 1, 4 do
    expect.equal(done:get(expect.HANG), true)
    workers[i]:join()
  end
  -- Among other things.
  local other = mm.Process(function(e) e:set() end, event)
  other:start()
  expect.equal(mm.wait({ mm.Queue(), event }, expect.HANG), { event })
  other:join()
end
