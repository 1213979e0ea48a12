-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- A thousand workers wait for one queue: one put wakes one worker, each gets a value, and all of them end.
local mm = require "manymoons"
local expect = require "expect"
local measures = require "measures"

-- Threads and processes under a sanitizer need ten times as much memory.
local WORKERS = measures.is_sanitized() and 100 or 1000
local first, rest, back = mm.Queue(), mm.Queue(), mm.Queue()
local workers = {}
for i = 1, WORKERS do
  workers[i] = mm.Process(function()
    back:put("ready")
    back:put(first:get())
    for v in rest:iter() do back:put(v) end
  end)
  workers[i]:start()
end
for _ = 1, WORKERS do expect.equal(back:get(expect.HANG), "ready") end
for i = 1, WORKERS do
  first:put(i)
  if i <= 20 then
    expect.equal(back:get(expect.HANG), i)
    expect.equal({ back:get_nowait() }, { nil, "empty" })
    expect.equal(first:qsize(), 0)
  end
end
for _ = 21, WORKERS do expect.truthy(back:get(expect.HANG) > 20) end

-- At full speed; then the queue is closed for all at once.
local COUNT, seen = 5 * WORKERS, {}
for i = 1, COUNT do rest:put(i) end
for _ = 1, COUNT do
  local v = back:get(expect.HANG)
  expect.equal(seen[v], nil, "doubled")
  seen[v] = true
end
rest:close()
for i = 1, WORKERS do expect.equal(workers[i]:join(expect.HANG), true) end
expect.equal(back:empty(), true)
