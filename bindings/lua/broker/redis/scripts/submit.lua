-- SPDX-License-Identifier: MIT
-- Puts one task into the stream, once: the client counts its tasks, and gives the number that came
-- before. A number that is not above the highest one here was put before. A gap means that the task
-- before was refused, so this one has to wait too.
--
-- KEYS  stream, the client's hash (hw: its highest number; number → id of each task that is open)
-- ARGV  the number before, number, most entries of the stream (0: no limit), milliseconds the hash lives, then the
--       fields of the entry
-- → the entry's id; "done": it was put before and is not open any more; "GAP"; "FULL"
local high = tonumber(redis.call("HGET", KEYS[2], "hw") or "0")
local before, number, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if number <= high then return redis.call("HGET", KEYS[2], ARGV[2]) or "done" end
if before > high then return "GAP" end
if most > 0 and redis.call("XLEN", KEYS[1]) >= most then return "FULL" end
local id = redis.call("XADD", KEYS[1], "*", unpack(ARGV, 5))
redis.call("HSET", KEYS[2], "hw", ARGV[2], ARGV[2], id)
if high == 0 then
  redis.call("PEXPIRE", KEYS[2], ARGV[4])
  redis.pcall("XGROUP", "CREATE", KEYS[1], "g", "0") -- a server without memory would not let a worker do it
end
return id
