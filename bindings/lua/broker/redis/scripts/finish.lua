-- SPDX-License-Identifier: MIT
-- Keeps the outcome of a posted task in its record, if this delivery of it is the one that counts, and
-- takes the task out of the stream, in one step. Programs that wait for the outcome are woken. The first
-- writes free memory.
--
-- KEYS  stream, the task's record, dead letters, the bits of tasks that are done, the list that wakes programs,
--       the key of its own (or any)
-- ARGV  id, number, kind, payload, signature, milliseconds for which the outcome is kept; then why it is
--       dead ("": it is not), the worker's name, the traceback, and the most dead letters; the task's bit ("":
--       it was not signed), and the seconds for which bits live; the task's name, "1" if it has a key of its
--       own; the digest of its limit ("": it has none), and the beginning of the pool's keys
-- → 1: this is the outcome; 0: there was one before, or another delivery counts
local entry = ARGV[7] ~= "" and redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XACK", KEYS[1], "g", ARGV[1])
redis.call("XDEL", KEYS[1], ARGV[1])
if redis.call("HGET", KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
local about = redis.call("HMGET", KEYS[2], "w", "pg", "lg")
local waiters = tonumber(about[1]) or 0
redis.call("DEL", KEYS[2])
if entry then
  redis.call("XADD", KEYS[3], "MAXLEN", "~", ARGV[10], "*", "why", ARGV[7], "who", ARGV[8], "trace", ARGV[9], "lines",
    (about[3] or ""):sub(-4096), "stream", KEYS[1], unpack(entry[2]))
end
local clock = redis.call("TIME")
if tonumber(ARGV[6]) == 0 then
  redis.call("HSET", KEYS[2], "end", "1")
else
  redis.call("HSET", KEYS[2], "k", ARGV[3], "v", ARGV[4], "m", ARGV[5], "end",
    string.format("%.0f", clock[1] * 1000 + clock[2] / 1000 + ARGV[6]))
end
if about[2] then redis.call("HSET", KEYS[2], "pg", about[2]) end
if about[3] then redis.call("HSET", KEYS[2], "lg", about[3]) end
redis.call("PEXPIRE", KEYS[2], math.max(600000, ARGV[6])) -- a post whose answer was lost comes again
if ARGV[11] ~= "" then
  redis.call("SETBIT", KEYS[4], ARGV[11], 1)
  redis.call("EXPIRE", KEYS[4], ARGV[12])
end
if ARGV[14] ~= "" and redis.call("GET", KEYS[6]) == ARGV[13] then redis.call("DEL", KEYS[6]) end
places.leave(ARGV[16], ARGV[15], ARGV[13])
for _ = 1, math.min(waiters, 64) do redis.call("LPUSH", KEYS[5], "1") end
if waiters > 0 then redis.call("PEXPIRE", KEYS[5], 10000) end
return 1
