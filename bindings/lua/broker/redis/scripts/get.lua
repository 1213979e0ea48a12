-- SPDX-License-Identifier: MIT
-- An item that was delivered is done with, if its consumer still owns it.
--
-- KEYS  stream, the flag that putters wait, the list that wakes them
-- ARGV  id
-- → 1; 0: another consumer has it, or may get it; -1: it is not there any more
local is_mine = redis.call("XACK", KEYS[1], "g", ARGV[1])
if is_mine == 0 then return #redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1]) - 1 end
redis.call("XDEL", KEYS[1], ARGV[1])
if redis.call("EXISTS", KEYS[2]) == 1 then
  redis.call("LPUSH", KEYS[3], "1")
  redis.call("LTRIM", KEYS[3], 0, 15)
  redis.call("PEXPIRE", KEYS[3], 2000)
end
return 1
