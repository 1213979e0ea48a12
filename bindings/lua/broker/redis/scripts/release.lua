-- SPDX-License-Identifier: MIT
-- An item whose consumer is gone comes back, at the end.
--
-- KEYS  stream
-- ARGV  id
-- → its new id; "": another consumer did it
if redis.call("XACK", KEYS[1], "g", ARGV[1]) == 0 then return "" end
local entry = redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XDEL", KEYS[1], ARGV[1])
if not entry then return "" end
return redis.call("XADD", KEYS[1], "*", unpack(entry[2]))
