-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Other threads of the host allocate, lock and print all the time; no child may inherit a half-done operation of them.
local mm = require "manymoons"
local expect = require "expect"

local stop = mm.Queue()
local busy = {}
for i = 1, 2 do
  busy[i] = mm.interpreters.Process(function()
    local t = {}
    while stop:empty() do
      for n = 1, 100 do t[n] = ("x"):rep(n * 10) end
      local q = mm.Queue()
      q:put(t)
    end
  end)
  busy[i]:start()
end
local ended = 0
for i = 1, 1000 do
  local p = mm.Process(os.exit, i % 5)
  p:start()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(p.exitcode, i % 5)
  ended = ended + 1
end
expect.equal(ended, 1000)
stop:put(true)
for i = 1, 2 do busy[i]:join() end
