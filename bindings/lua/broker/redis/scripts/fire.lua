-- SPDX-License-Identifier: MIT
-- Puts the task of one time of a schedule into its stream, and notes the time of the next run, in one step:
-- each time has one run, however many workers say so.
--
-- KEYS  the schedules by the time of their next run, the schedule, stream, the task's record
-- ARGV  the schedule's name, the time that is due and the one after it (milliseconds since 1970), the
--       schedule's version, the task's number, the stream's Lua, the task's priority and the digest of its
--       limit, or ""; then the fields of the entry
-- → the entry's id; "": another worker did it, the time has not come, or the schedule is another one by now
local at = redis.call("ZSCORE", KEYS[1], ARGV[1])
local clock = redis.call("TIME")
if tonumber(ARGV[2]) > clock[1] * 1000 + clock[2] / 1000 then return "" end
if not at or tonumber(at) ~= tonumber(ARGV[2]) or redis.call("HGET", KEYS[2], "v") ~= ARGV[4] then return "" end
redis.call("ZADD", KEYS[1], ARGV[3], ARGV[1])
if redis.call("EXISTS", KEYS[4]) == 1 then return "" end
local id = redis.call("XADD", KEYS[3], "*", unpack(ARGV, 9))
redis.call("HSET", KEYS[4], ARGV[5], id, "a", ARGV[6])
if ARGV[7] ~= "" then redis.call("HSET", KEYS[4], "p", ARGV[7]) end
if ARGV[8] ~= "" then redis.call("HSET", KEYS[4], "lim", ARGV[8]) end
redis.pcall("XGROUP", "CREATE", KEYS[3], "g", "0")
return id
