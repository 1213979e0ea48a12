-- SPDX-License-Identifier: MIT
-- Takes a dead letter away and puts a task in its place, in one step. The task has a client of its own, which does not
-- wait: what the server keeps of it lives as long as the task's signature is good.
--
-- KEYS  dead letters, stream, the client's hash
-- ARGV  the letter's id, the task's number, milliseconds the hash lives, then the fields of the entry
-- → the entry's id; "": there is no such letter
if redis.call("XDEL", KEYS[1], ARGV[1]) == 0 then return "" end
local id = redis.call("XADD", KEYS[2], "*", unpack(ARGV, 4))
redis.call("HSET", KEYS[3], "hw", ARGV[2], ARGV[2], id)
redis.call("PEXPIRE", KEYS[3], ARGV[3])
redis.pcall("XGROUP", "CREATE", KEYS[2], "g", "0")
return id
