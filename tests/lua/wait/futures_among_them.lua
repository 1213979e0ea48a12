-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local gate, q = mm.Queue(), mm.Queue()
local slow = pool:submit(function() return gate:get() end)
local quick = pool:submit(function() return 7 end)
local ready = mm.wait({ slow, quick, q })
expect.equal(#ready, 1)
expect.equal(ready[1], quick)
expect.equal({ mm.wait({ slow, q }, 0.02) }, { {}, "timeout" })
q:put(1)
expect.equal(mm.wait({ slow, q })[1], q)
q:get()
gate:put("open")
expect.equal(mm.wait({ slow, q })[1], slow)
expect.equal(slow:get(), "open")

-- A failed call is done, too; so is one whose worker was killed.
local failed = pool:submit(error, "no")
expect.equal(mm.wait({ q, failed })[1], failed)
expect.raises("no", failed.get, failed)
if mm.current_world() == "processes" then
  local started = mm.Queue()
  local doomed = pool:submit(function()
    started:put(mm.current_process().pid)
    mm.sleep(1000)
  end)
  os.execute("kill -9 " .. string.format("%d", started:get()))
  expect.equal(mm.wait({ q, doomed }, expect.HANG)[1], doomed)
  expect.raises("died", doomed.get, doomed)
end

-- Many, some of two pools; as they come.
local other = mm.Pool(1)
local open = {}
for i = 1, 300 do open[i] = (i % 3 == 0 and other or pool):submit(function(n) return n end, i) end
local sum = 0
while #open > 0 do
  local done = {}
  for _, future in ipairs(mm.wait(open, expect.HANG)) do
    done[future] = true
    sum = sum + future:get(0)
  end
  expect.truthy(next(done), "some are done")
  for i = #open, 1, -1 do
    if done[open[i]] then table.remove(open, i) end
  end
end
expect.equal(sum, 300 * 301 / 2)
local last = other:submit(mm.sleep, 1000)
other:terminate()
expect.equal(mm.wait({ last }, expect.HANG)[1], last, "of a pool that ended")
pool:terminate()
