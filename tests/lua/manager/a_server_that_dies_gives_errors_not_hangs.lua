-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager()
local d, q = m:dict({ a = 1 }), m:Queue()
local results, ready = mm.Queue(), mm.Event()
local waiter = mm.Process(function(queue, r, e)
  e:set()
  local ok, err = pcall(function() return queue:get() end)
  r:put({ ok, err.kind, err.message })
end, q, results, ready)
waiter:start()
expect.equal(ready:wait(expect.HANG), true)
expect.equal(d.a, 1)
os.execute("kill -9 " .. ("%d"):format(m.pid))
local result = results:get(expect.HANG)
expect.equal({ result[1], result[2] }, { false, "died" })
expect.truthy(result[3]:find("Manager: the server is gone", 1, true), result[3])
waiter:join()
local ok, err = pcall(function() return d.a end)
expect.equal({ ok, err.kind }, { false, "died" })
m:close()
