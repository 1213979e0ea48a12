-- SPDX-License-Identifier: MIT
-- Which tasks are due by the server's clock, and when the next one will be.
--
-- KEYS  the flag that the pool is paused, the set of priorities, sets of tasks, and of schedules, that are due later
-- ARGV  how many of each at most
-- → milliseconds since 1970, 1 if the pool is paused, the priorities; then for each set: milliseconds until the next
--   one is due ("": there is none), and the names of those that are due
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local found = { string.format("%.0f", now), redis.call("EXISTS", KEYS[1]), redis.call("SMEMBERS", KEYS[2]) }
for place = 3, #KEYS do
  local key = KEYS[place]
  local names = redis.call("ZRANGEBYSCORE", key, "-inf", string.format("%.0f", now), "LIMIT", 0, ARGV[1])
  local after = "(" .. string.format("%.0f", now)
  local next_one = redis.call("ZRANGEBYSCORE", key, after, "+inf", "WITHSCORES", "LIMIT", 0, 1)
  found[place + 1] = { next_one[2] and string.format("%.0f", next_one[2] - now) or "", unpack(names) }
end
return found
