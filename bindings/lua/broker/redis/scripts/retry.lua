-- SPDX-License-Identifier: MIT
-- Takes a dead letter away and puts a task in its place, in one step. A task of a client has one of its own, which does
-- not wait: what the server keeps of it lives as long as the task's signature is good.
--
-- KEYS  dead letters, stream, the client's hash or the record of a posted task
-- ARGV  the letter's id, the task's number, milliseconds the hash lives, or "posted", or "json" (a worker makes the
--       record), the stream's Lua, the task's priority and the digest of its limit, or ""; then the fields of the entry
-- → the entry's id; "": there is no such letter
if redis.call("XDEL", KEYS[1], ARGV[1]) == 0 then return "" end
local id = redis.call("XADD", KEYS[2], "*", unpack(ARGV, 7))
if ARGV[3] == "json" then
  redis.call("DEL", KEYS[3])
elseif ARGV[3] == "posted" then
  redis.call("HSET", KEYS[3], ARGV[2], id, "a", ARGV[4])
  if ARGV[5] ~= "" then redis.call("HSET", KEYS[3], "p", ARGV[5]) end
  if ARGV[6] ~= "" then redis.call("HSET", KEYS[3], "lim", ARGV[6]) end
else
  redis.call("HSET", KEYS[3], "hw", ARGV[2], ARGV[2], id)
  redis.call("PEXPIRE", KEYS[3], ARGV[3])
end
redis.pcall("XGROUP", "CREATE", KEYS[2], "g", "0")
return id
