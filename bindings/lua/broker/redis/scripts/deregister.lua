-- SPDX-License-Identifier: MIT
-- Takes consumers out of the registry that had no heartbeat since a time, or one by its name. The
-- streams forget them, except for those that still own entries: dropping these would drop the
-- entries.
--
-- KEYS  the registry, streams
-- ARGV  seconds of silence, or "" and a name
-- → how many were taken out
local names = { ARGV[2] }
if ARGV[1] ~= "" then
  names = redis.call("ZRANGEBYSCORE", KEYS[1], "-inf", redis.call("TIME")[1] - ARGV[1], "LIMIT", 0, 100)
end
local count = 0
for _, name in ipairs(names) do
  local owns = false
  for place = 2, #KEYS do
    local consumers = redis.pcall("XINFO", "CONSUMERS", KEYS[place], "g")
    for _, consumer in ipairs(consumers.err and {} or consumers) do
      if consumer[2] == name and consumer[4] > 0 then owns = true end
    end
  end
  if not owns then
    for place = 2, #KEYS do redis.pcall("XGROUP", "DELCONSUMER", KEYS[place], "g", name) end
    redis.call("ZREM", KEYS[1], name)
    count = count + 1
  end
end
return count
