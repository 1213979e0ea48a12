-- SPDX-License-Identifier: MIT
-- Finalizers of Lua objects. Tables have no __gc in Lua 5.1 and LuaJIT; a userdata of newproxy has it there.
local _, native = ...

local finalizers = {}

-- Returns a guard; f is called once, when the guard is collected, but not in a forked child. guard.disarm() prevents
-- the call, guard.fire() makes it now.
function finalizers.on_collection(f)
  local guard = { is_armed = true }
  local pid = native.pid()
  local function fire()
    local is_due = guard.is_armed and pid == native.pid()
    guard.is_armed = false
    if is_due then f() end
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
