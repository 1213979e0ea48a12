-- SPDX-License-Identifier: MIT
-- Keeps what a posted task says about itself while it runs: how far it is, and its last lines.
--
-- KEYS  the task's record
-- ARGV  number, id of the delivery that counts, how far it is ("": as before), lines to add, and how many bytes all
--       lines may have
-- → 1; 0: another delivery counts, or none
if redis.call("HGET", KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] ~= "" then redis.call("HSET", KEYS[1], "pg", ARGV[3]) end
if ARGV[4] ~= "" then
  local lines = (redis.call("HGET", KEYS[1], "lg") or "") .. ARGV[4]
  local over = #lines - tonumber(ARGV[5])
  if over > 0 then lines = lines:sub((lines:find("\n", over, true) or #lines) + 1) end
  redis.call("HSET", KEYS[1], "lg", lines)
end
return 1
