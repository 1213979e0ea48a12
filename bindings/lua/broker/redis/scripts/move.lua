-- SPDX-License-Identifier: MIT
-- Puts tasks that are due into their stream, each once, however many workers say so.
--
-- KEYS  the tasks that are due later, the streams of the priorities from 0 on, then the records of tasks
-- ARGV  for each record the task's name and number
-- → how many were put
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local count = 0
for place = 12, #KEYS do
  local name, number = ARGV[2 * place - 23], ARGV[2 * place - 22]
  local score = redis.call("ZSCORE", KEYS[1], name)
  if score and tonumber(score) <= now then
    redis.call("ZREM", KEYS[1], name)
    local record = KEYS[place]
    if redis.call("HGET", record, number) == "due" then
      local level = tonumber(redis.call("HGET", record, "=p")) or 5
      local id = places.restore(record, KEYS[2 + level] or KEYS[7])
      if id then
        redis.call("HSET", record, number, id)
        count = count + 1
      end
    end
  end
end
return count
