-- SPDX-License-Identifier: MIT
-- Threads of one VM give work to one pool at once, and ask for one future together: each gets its results.
local mm = require "manymoons"
local expect = require "expect"

local COUNT = 3
local pool, done, threads = mm.Pool(2), 0, {}
local go = mm.threads.Event()
local common = pool:submit(function() return "common" end)
local late

for i = 1, COUNT do
  threads[i] = mm.threads.Process(function()
    for k = 1, 10 do
      expect.equal(pool:apply(function(x) return x end, k), k)
      expect.equal(pool:submit(function() return k end):get(), k)
    end
    expect.equal(pool:map(function(x) return 2 * x end, { 1, 2, 3 }), { 2, 4, 6 })
    local sum = 0
    for value in pool:imap(function(x) return x end, { 1, 2, 3 }) do sum = sum + value end
    expect.equal(sum, 6)
    expect.equal(common:get(), "common")
    go:wait()
    expect.equal(late:get(), "late")
    done = done + 1
  end)
  threads[i]:start()
end
late = pool:submit(function()
  require("manymoons").sleep(0.05)
  return "late"
end)
go:set()
for i = 1, COUNT do expect.equal(threads[i]:join(expect.HANG), true) end
expect.equal(done, COUNT)
pool:close()
expect.equal(pool:join(expect.HANG), true)
