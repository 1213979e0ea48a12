-- SPDX-License-Identifier: MIT
-- Calls of an object in a worker of its own, how many a second. Usage: actor.lua MODE CALLS
--
--   call           one after the other, each waited for
--   submit         a hundred begun, then their results, and so on
--   send           without results; the last call is waited for
local mm = require "manymoons"
local mode, calls = arg[1], tonumber(arg[2])

local function counter()
  local count = 0
  return { add = function(_, n)
    count = count + n
    return count
  end }
end

local actor = mm.Actor(counter)
actor:add(0)
local start = mm.time()
if mode == "call" then
  for _ = 1, calls do actor:add(1) end
elseif mode == "send" then
  for _ = 1, calls do actor:send("add", 1) end
else
  for _ = 1, calls, 100 do
    local futures = {}
    for i = 1, 100 do futures[i] = actor:submit("add", 1) end
    for i = 1, 100 do futures[i]:get() end
  end
end
actor:add(0)
print("rate", calls / (mm.time() - start), "/s")
actor:stop()
