-- SPDX-License-Identifier: MIT
-- Makes the record of a task that a program of another language has put into the stream, unless there is one.
--
-- KEYS  the task's record
-- ARGV  id, number, milliseconds of its delay from the time it was put, or "@" and the time that it is due; the digest
--       of its limit, or ""
-- → milliseconds until it is due; -1: its name was used before, and another delivery counts, or none
local found = redis.call("HGET", KEYS[1], ARGV[2])
if not found and redis.call("EXISTS", KEYS[1]) == 1 then return "-1" end
if found and found ~= ARGV[1] then return "-1" end
local at = redis.call("HGET", KEYS[1], "at")
if not at then
  local put = tonumber(ARGV[1]:match("^%d+"))
  at = ARGV[3]:sub(1, 1) == "@" and tonumber(ARGV[3]:sub(2)) or put + tonumber(ARGV[3])
  redis.call("HSET", KEYS[1], ARGV[2], ARGV[1], "a", "", "at", string.format("%.0f", at))
  if ARGV[4] ~= "" then redis.call("HSET", KEYS[1], "lim", ARGV[4]) end
end
local clock = redis.call("TIME")
return string.format("%.0f", math.max(0, at - clock[1] * 1000 - clock[2] / 1000))
