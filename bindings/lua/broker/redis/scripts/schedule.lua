-- SPDX-License-Identifier: MIT
-- Keeps a schedule, or takes it away. One that is there already stays as it is, so that any number of programs may say
-- the same; of one that has changed, the time of its next run stays if its times are the same.
--
-- KEYS  the schedules by the time of their next run, the schedule, the stream for all Luas, the registry of workers
-- ARGV  its name, milliseconds since 1970 of the next run, its version ("": it goes), its times, and for how many
--       milliseconds workers may not look by themselves; then its fields
-- → the time of the next run; with no version 1 or 0: there was one, or none
if ARGV[3] == "" then
  redis.call("DEL", KEYS[2])
  return tostring(redis.call("ZREM", KEYS[1], ARGV[1]))
end
local old, at = redis.call("HMGET", KEYS[2], "v", "cron"), redis.call("ZSCORE", KEYS[1], ARGV[1])
if not at or old[2] ~= ARGV[4] or tonumber(at) > tonumber(ARGV[2]) then at = ARGV[2] end
if old[1] ~= ARGV[3] then
  redis.call("DEL", KEYS[2])
  redis.call("HSET", KEYS[2], "v", ARGV[3], "cron", ARGV[4], unpack(ARGV, 6))
end
redis.call("ZADD", KEYS[1], at, ARGV[1])
if tonumber(at) - redis.call("TIME")[1] * 1000 < tonumber(ARGV[5]) then places.wake(KEYS[3], KEYS[4]) end
return at
