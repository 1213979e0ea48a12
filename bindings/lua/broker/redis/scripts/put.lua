-- SPDX-License-Identifier: MIT
-- Puts one item into a queue, once: the putter counts its items, so that a put whose answer was
-- lost may be repeated.
--
-- KEYS  stream, the flag that it is closed, the putter's count, the flag that putters wait, the list that wakes them
-- ARGV  number, most items (0: no limit), milliseconds the count lives, the item, 1: open it again if it is closed
-- → "ok", "closed", "full"
if redis.call("EXISTS", KEYS[2]) == 1 then
  if ARGV[5] ~= "1" then return "closed" end
  redis.call("DEL", KEYS[2])
end
if tonumber(redis.call("GET", KEYS[3]) or "0") >= tonumber(ARGV[1]) then return "ok" end
local most = tonumber(ARGV[2])
if most > 0 then
  local pending = redis.pcall("XPENDING", KEYS[1], "g")
  local waiting = redis.call("XLEN", KEYS[1]) - (pending.err and 0 or pending[1])
  if waiting >= most then
    redis.call("SET", KEYS[4], "1", "EX", 2)
    return "full"
  end
end
redis.call("XADD", KEYS[1], "*", "v", ARGV[4])
redis.call("SET", KEYS[3], ARGV[1], "PX", ARGV[3])
return "ok"
