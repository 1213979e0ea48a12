-- SPDX-License-Identifier: MIT
-- Puts tasks that are due into their stream, each once, however many workers say so.
--
-- KEYS  the tasks that are due later, stream, then the records of tasks
-- ARGV  for each record the task's name and number
-- → how many were put
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local count = 0
for place = 3, #KEYS do
  local name, number = ARGV[2 * place - 5], ARGV[2 * place - 4]
  local score = redis.call("ZSCORE", KEYS[1], name)
  if score and tonumber(score) <= now then
    redis.call("ZREM", KEYS[1], name)
    local record, fields, spent = redis.call("HGETALL", KEYS[place]), {}, {}
    for i = 1, #record, 2 do
      if record[i]:sub(1, 1) == "=" then
        spent[#spent + 1] = record[i]
        fields[#fields + 1], fields[#fields + 2] = record[i]:sub(2), record[i + 1]
      end
    end
    if redis.call("HGET", KEYS[place], number) == "due" and #fields > 0 then
      redis.call("HDEL", KEYS[place], unpack(spent))
      redis.call("HSET", KEYS[place], number, redis.call("XADD", KEYS[2], "*", unpack(fields)))
      count = count + 1
    end
  end
end
return count
