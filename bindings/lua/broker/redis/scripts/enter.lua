-- SPDX-License-Identifier: MIT
-- A task that was delivered takes one of the few places in which tasks with its limit may run at once. If there is
-- none it leaves the stream, and comes back when it is its turn (places.lua).
--
-- KEYS  stream, the task's record, the hash of those that have a place, those that wait for one, all that wait for any
-- ARGV  id, number, the task's name, how many may run at once
-- → "in"; "held"; "gone": another delivery of it counts
if redis.call("HGET", KEYS[2], ARGV[2]) ~= ARGV[1] then return "gone" end
if redis.call("HGET", KEYS[3], ARGV[3]) == ARGV[1] then return "in" end
if redis.call("HLEN", KEYS[3]) < tonumber(ARGV[4]) and redis.call("ZCARD", KEYS[4]) == 0 then
  redis.call("HSET", KEYS[3], ARGV[3], ARGV[1])
  return "in"
end
if redis.call("XACK", KEYS[1], "g", ARGV[1]) == 0 then return "gone" end
local entry = redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XDEL", KEYS[1], ARGV[1])
if not entry then return "gone" end
local words = { "HSET", KEYS[2], ARGV[2], "held", "am", ARGV[4], "no", ARGV[2], "st", KEYS[1] }
for i = 1, #entry[2], 2 do words[#words + 1], words[#words + 2] = "=" .. entry[2][i], entry[2][i + 1] end
redis.call(unpack(words))
local last = redis.call("ZRANGE", KEYS[4], -1, -1, "WITHSCORES")[2]
redis.call("ZADD", KEYS[4], string.format("%.0f", (tonumber(last) or 0) + 1), ARGV[3])
redis.call("ZADD", KEYS[5], redis.call("TIME")[1], ARGV[3])
return "held"
