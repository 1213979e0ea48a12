-- SPDX-License-Identifier: MIT
-- A client needs these functions no more; those that nobody else holds go.
--
-- KEYS  for each function its key, and the set of its holders
-- ARGV  the client
-- → how many have gone
local count = 0
for place = 1, #KEYS, 2 do
  redis.call("SREM", KEYS[place + 1], ARGV[1])
  if redis.call("EXISTS", KEYS[place + 1]) == 0 then count = count + redis.call("DEL", KEYS[place]) end
end
return count
