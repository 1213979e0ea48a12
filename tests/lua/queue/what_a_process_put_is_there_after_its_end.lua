-- SPDX-License-Identifier: MIT
-- put returns when the value is in the queue, so a process that put much can be joined before any value is taken.
local mm = require "manymoons"
local expect = require "expect"

local q = mm.Queue()
local p = mm.Process(function()
  q:put(("x"):rep(1024 * 1024))
  for i = 1, 1000 do q:put({ i }) end
  if mm.current_world() ~= "serial" then os.exit(0) end
end)
p:start()
expect.equal(p:join(expect.HANG), true)
expect.equal(p.exitcode, 0)
expect.equal(q:qsize(), 1001)
expect.equal(#q:get(), 1024 * 1024)
for i = 1, 1000 do expect.equal(q:get(0), { i }) end
expect.equal(q:empty(), true)
