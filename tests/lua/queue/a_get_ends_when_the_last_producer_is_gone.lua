-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local function check_refused(q)
  local err = expect.raises("Queue:get would wait for ever: nobody else has the Queue", q.get, q)
  expect.equal(err.kind, "deadlock")
end

-- What was put by then is there; then the wait ends, whether the producer has ended or was killed.
local function produce(q, stays)
  q:put(1)
  mm.sleep(0.05)
  q:put(2)
  while stays do mm.sleep(1) end
end

for _, stays in ipairs{ false, true } do
  local q = mm.Queue()
  local producer = mm.Process(produce, q, stays)
  producer:start()
  expect.equal(q:get(), 1)
  expect.equal(q:get(), 2)
  if stays then producer:kill() end
  check_refused(q)
  expect.truthy(producer:join(expect.HANG))
end

-- A daemon that nobody will send anything idles until its parent stops it.
local daemon = mm.Process{ daemon = true, target = function(q) q:get() end, args = { mm.Queue() } }
daemon:start()
collectgarbage()
collectgarbage()
expect.equal({ daemon:join(0.6) }, { nil, "timeout" })
daemon:terminate()
expect.truthy(daemon:join(expect.HANG))

-- A queue in a message under way is not lost.
if mm.current_world() == "threads" then return end -- where a queue is in no message
local outer, inner = mm.Queue(), mm.Queue()
outer:put(inner)
local late = mm.Process(function(source)
  mm.sleep(0.3)
  source:get():put("from afar")
end, outer)
late:start()
expect.equal(inner:get(), "from afar")
expect.truthy(late:join(expect.HANG))
