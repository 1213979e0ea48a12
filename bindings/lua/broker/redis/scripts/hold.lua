-- SPDX-License-Identifier: MIT
-- The server keeps a function for one more holder: a client, or the dead letters.
--
-- KEYS  the function, the set of its holders
-- ARGV  the holder, seconds for which both live, the function's text ("": it is there already, or gone)
-- → 1; 0: it is gone
if ARGV[3] ~= "" then redis.call("SET", KEYS[1], ARGV[3], "KEEPTTL") end
if redis.call("EXISTS", KEYS[1]) == 0 then return 0 end
redis.call("SADD", KEYS[2], ARGV[1])
for _, key in ipairs(KEYS) do
  if redis.call("TTL", key) < tonumber(ARGV[2]) then redis.call("EXPIRE", key, ARGV[2]) end
end
return 1
