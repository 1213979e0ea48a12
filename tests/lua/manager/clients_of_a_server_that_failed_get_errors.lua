-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- A server that is stopped in whatever way leaves nobody waiting: not those that wait in a request, nor those that ask
-- later, nor its starter.
local mm = require "manymoons"
local expect = require "expect"

for _, way in ipairs({ "terminate", "close" }) do
  local m = mm.Manager()
  local d, q = m:dict({ a = 1 }), m:Queue()
  local results, ready = mm.Queue(), mm.Event()
  local waiter = mm.Process(function(queue, dict, r, e)
    local before = dict.a
    e:set()
    local ok, err = pcall(function() return queue:get() end)
    r:put({ before, ok, err.kind })
    ok, err = pcall(function() return dict.a end)
    r:put({ ok, err.kind })
  end, q, d, results, ready)
  waiter:start()
  expect.equal(ready:wait(expect.HANG), true)
  if way == "close" then
    m:close()
  else
    local server = rawget(m, "_worker")
    server:terminate()
    server:join()
  end
  expect.equal(results:get(expect.HANG), { 1, false, "died" }, way)
  expect.equal(results:get(expect.HANG), { false, "died" }, way)
  waiter:join()
  local ok, err = pcall(function() return d.a end)
  expect.equal({ ok, err.kind }, { false, "died" })
  m:close()
end
