-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local err = expect.raises("boom", pool.apply, pool, function() error("boom") end)
expect.equal(err.kind, "error")
expect.truthy(err.worker:find("^PoolWorker%-%d+$"), "worker: " .. tostring(err.worker))
expect.truthy(err.traceback:find("stack traceback"), "traceback")
expect.truthy(tostring(err):find("raised again here"), "our own traceback")
err = expect.raises("table value", pool.apply, pool, function() error({ code = 42 }) end)
expect.equal(err.value.code, 42)
err = expect.raises("custom text", pool.apply, pool, function()
  error(setmetatable({ co = coroutine.create(function() end) }, { __tostring = function() return "custom text" end }))
end)
expect.equal(err.kind, "error")
-- The other items are run all the same.
local q = mm.Queue()
err = expect.raises("item 3", pool.map, pool, function(i)
  q:put(i)
  if i == 3 then error("item 3", 0) end
end, { 1, 2, 3, 4, 5 })
expect.equal(getmetatable(err), mm.Error)
expect.equal(q:qsize(), 5)
expect.equal(pool:apply(function() return "fine" end), "fine")
pool:terminate()
