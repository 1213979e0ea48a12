-- SPDX-License-Identifier: MIT
-- The outcome of a posted task.
--
-- KEYS  the task's record
-- ARGV  number, 1: the program waits, and wants to be woken
-- → kind, payload, signature; or "open"; nothing: there is no such task, or its outcome is not kept any more
if redis.call("HEXISTS", KEYS[1], ARGV[1]) == 1 then
  if ARGV[2] == "1" then redis.call("HINCRBY", KEYS[1], "w", 1) end
  return { "open" }
end
local found, clock = redis.call("HMGET", KEYS[1], "k", "v", "m", "end"), redis.call("TIME")
local is_over = found[4] and tonumber(found[4]) <= clock[1] * 1000 + clock[2] / 1000
return found[1] and not is_over and found or {}
