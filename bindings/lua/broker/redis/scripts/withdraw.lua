-- SPDX-License-Identifier: MIT
-- Cancels a posted task that has no outcome: it gets this one. One that runs is stopped when its worker's lease is
-- renewed.
--
-- KEYS  the task's record, stream, the tasks that are due later, the list that wakes programs, the key of
--       its own (or any)
-- ARGV  the task's name, number, kind, payload, signature, milliseconds for which the outcome is kept; the digest of
--       its limit ("": it has none), and the beginning of the pool's keys
-- → 1; 0: it has an outcome; -1: there is no such task
local id = redis.call("HGET", KEYS[1], ARGV[2])
if not id then return redis.call("EXISTS", KEYS[1]) - 1 end
local about = redis.call("HMGET", KEYS[1], "w", "pg", "lg")
local waiters = tonumber(about[1]) or 0
redis.call("DEL", KEYS[1])
if id == "due" then
  redis.call("ZREM", KEYS[3], ARGV[1])
elseif id ~= "held" then
  local pending = redis.pcall("XPENDING", KEYS[2], "g", id, id, 1)
  if pending.err or not pending[1] then redis.call("XDEL", KEYS[2], id) end
end
redis.call("HSET", KEYS[1], "k", ARGV[3], "v", ARGV[4], "m", ARGV[5])
if about[2] then redis.call("HSET", KEYS[1], "pg", about[2]) end
if about[3] then redis.call("HSET", KEYS[1], "lg", about[3]) end
redis.call("PEXPIRE", KEYS[1], ARGV[6])
if redis.call("GET", KEYS[5]) == ARGV[1] then redis.call("DEL", KEYS[5]) end
places.leave(ARGV[8], ARGV[7], ARGV[1])
for _ = 1, math.min(waiters, 64) do redis.call("LPUSH", KEYS[4], "1") end
if waiters > 0 then redis.call("PEXPIRE", KEYS[4], 10000) end
return 1
