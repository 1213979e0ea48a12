-- SPDX-License-Identifier: MIT
-- worlds: interpreters
-- hosts: manymoons lua5.4
-- variants: debug asan release
-- LuaJIT and Lua 5.1 do not look for a stop in every loop; TSan keeps signals until the next call into the system.
local mm = require "manymoons"
local expect = require "expect"

local function ends(f)
  local q = mm.Queue()
  local p = mm.Process(f, q)
  p:start()
  q:get()
  p:terminate()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(p.exitcode, -15)
end
ends(function(q) q:put(1) while true do pcall(function() while true do end end) end end)
ends(function(q)
  local co = coroutine.wrap(function() q:put(1) while true do end end)
  while true do co() end
end)
ends(function(q)
  q:put(1)
  while true do pcall(mm.sleep, 100) end
end)
ends(function(q)
  local other = mm.Queue()
  q:put(1)
  while true do pcall(other.get, other) end
end)
ends(function(q)
  local p = mm.Pool(1)
  q:put(1)
  p:apply(function() while true do end end)
end)
