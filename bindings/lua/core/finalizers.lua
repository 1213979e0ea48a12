-- SPDX-License-Identifier: MIT
-- Finalizers of Lua objects. Tables have none in Lua 5.1 and LuaJIT; a proxy stands in for them there.
local _, native = ...

local finalizers = {}

-- Calls f when the returned guard is collected, in this process alone. guard.disarm() prevents the call, and
-- guard.fire() makes it at once.
function finalizers.on_collection(f)
  local guard = { is_armed = true }
  local pid = native.pid()
  local function fire()
    if guard.is_armed and pid == native.pid() then f() end
  end
  local newproxy = rawget(_G, "newproxy")
  if newproxy then
    guard.proxy = newproxy(true)
    getmetatable(guard.proxy).__gc = fire
  else
    setmetatable(guard, { __gc = fire })
  end
  function guard.disarm() guard.is_armed = false end
  guard.fire = fire
  return guard
end

return finalizers
