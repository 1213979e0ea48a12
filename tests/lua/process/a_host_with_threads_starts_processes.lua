-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

-- Interpreters are threads of this process: it must not be forked, and is not.
local stop = mm.Queue()
local busy = mm.interpreters.Process(function(q) while q:empty() do end end, stop)
busy:start()
for i = 1, 20 do
  local q = mm.Queue()
  local p = mm.Process(function(n) q:put(n) end, i)
  p:start()
  expect.equal(q:get(), i)
  p:join()
  expect.equal(p.exitcode, 0)
end
stop:put(true)
busy:join()
local pool = mm.interpreters.Pool(1)
expect.equal(pool:apply(function()
  local processes = require("manymoons").processes
  local p = processes.Pool(2)
  local out = p:map(function(x) return x + 1 end, { 1, 2 })
  p:close()
  p:join()
  return out
end), { 2, 3 })
pool:terminate()
