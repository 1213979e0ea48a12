-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local outer, back = mm.Queue(), mm.Queue()
local p = mm.Process(function()
  local inner = outer:get()
  local fresh = mm.Queue()
  fresh:put("from the child")
  back:put(fresh)
  inner:get()
end)
p:start()
local inner = mm.Queue()
outer:put(inner)
local fresh = back:get()
expect.equal(fresh:get(), "from the child")
inner:put("done")
p:join()
-- A queue without references is destroyed with its messages; ten thousand times.
for _ = 1, 10000 do
  local q = mm.Queue()
  q:put({ q })
end
collectgarbage()
collectgarbage()
