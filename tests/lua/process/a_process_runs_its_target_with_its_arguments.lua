-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
local p = mm.Process(function(queue, a, b) queue:put({ a, b }) end, q, 1, "two")
expect.equal(p.exitcode, nil)
expect.equal(p:is_alive(), false)
p:start()
expect.equal(p:join(), true)
expect.equal(q:get(), { 1, "two" })
expect.equal(p.exitcode, 0)
expect.equal(p:is_alive(), false)
p = mm.Process{
  target = function(...) q:put(select("#", ...)) end,
  args = { nil, nil, 3, n = 3 },
  name = "w1",
  daemon = true,
}
expect.equal(p.name, "w1")
expect.equal(p.daemon, true)
p:start()
p:join()
expect.equal(q:get(), 3)
p:close()
p:close()
expect.raises("Process:start: w1", p.start, p)
