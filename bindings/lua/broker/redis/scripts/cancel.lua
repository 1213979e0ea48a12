-- SPDX-License-Identifier: MIT
-- No client waits for these tasks any more: what was not delivered is taken out of its stream, and
-- the outcome of what runs is dropped.
--
-- KEYS  the client's hash, streams
-- ARGV  numbers; none: all of them, and the hash goes
-- → how many were open
local numbers = ARGV
local all = #ARGV == 0
if all then numbers = redis.call("HKEYS", KEYS[1]) end
local count = 0
for _, number in ipairs(numbers) do
  local id = number ~= "hw" and redis.call("HGET", KEYS[1], number)
  if id then
    count = count + 1
    redis.call("HDEL", KEYS[1], number)
    for place = 2, #KEYS do
      local pending = redis.pcall("XPENDING", KEYS[place], "g", id, id, 1)
      if pending.err or not pending[1] then redis.call("XDEL", KEYS[place], id) end
    end
  end
end
if all then redis.call("DEL", KEYS[1]) end
return count
