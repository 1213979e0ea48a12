-- SPDX-License-Identifier: MIT
-- Puts a task that was delivered back to the end of the stream, where it wakes workers that wait.
-- After more losses than it may have it is a dead letter, and its client gets an outcome.
--
-- KEYS  stream, the client's hash, the client's stream of results, dead letters, the bits of tasks that are done
-- ARGV  id, number, 1 if it was lost (0: handed back), how often it may be, milliseconds the results live;
--       kind, payload and signature of the outcome after the last loss; why, the worker's name, and the most
--       dead letters; the task's bit, and the seconds for which bits live
-- → "gone": another worker did it; "dropped": no client waits for it, or it is a copy; "dead"; or its new id
if redis.call("XACK", KEYS[1], "g", ARGV[1]) == 0 then return "gone" end
local entry = redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XDEL", KEYS[1], ARGV[1])
if not entry then return "gone" end
local fields, losses = entry[2], nil
for place = 1, #fields, 2 do
  if fields[place] == "n" then losses = place + 1 end
end
if not losses or redis.call("HGET", KEYS[2], ARGV[2]) ~= ARGV[1] then return "dropped" end
local count = (tonumber(fields[losses]) or 0) + tonumber(ARGV[3])
fields[losses] = tostring(count)
if count > tonumber(ARGV[4]) then
  redis.call("XADD", KEYS[4], "MAXLEN", "~", ARGV[11], "*", "why", ARGV[9], "who", ARGV[10], "stream", KEYS[1],
    unpack(fields))
  redis.call("HDEL", KEYS[2], ARGV[2])
  redis.call("XADD", KEYS[3], "*", "s", ARGV[2], "k", ARGV[6], "v", ARGV[7], "m", ARGV[8])
  redis.call("PEXPIRE", KEYS[3], ARGV[5])
  redis.call("SETBIT", KEYS[5], ARGV[12], 1)
  redis.call("EXPIRE", KEYS[5], ARGV[13])
  return "dead"
end
local id = redis.call("XADD", KEYS[1], "*", unpack(fields))
redis.call("HSET", KEYS[2], ARGV[2], id)
return id
