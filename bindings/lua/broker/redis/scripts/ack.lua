-- SPDX-License-Identifier: MIT
-- Gives the client the outcome of a task, if it has none yet, and takes the task out of the stream,
-- in one step: a task is either open or answered. The first writes free memory, because a server
-- without memory lets no script begin with a write that needs some.
--
-- KEYS  stream, the client's hash, the client's stream of results, dead letters, the bits of tasks that are done
-- ARGV  id, number, milliseconds the results live, kind, payload, signature; then why it is dead ("": it is not), the
--       worker's name, and the most dead letters; the task's bit, and the seconds for which bits live
-- → 1: this is the outcome; 0: there was one before, or the client is gone
local is_first = redis.call("HDEL", KEYS[2], ARGV[2])
redis.call("XACK", KEYS[1], "g", ARGV[1])
local entry = ARGV[7] ~= "" and redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XDEL", KEYS[1], ARGV[1])
if entry then
  redis.call("XADD", KEYS[4], "MAXLEN", "~", ARGV[9], "*", "why", ARGV[7], "who", ARGV[8], "stream", KEYS[1],
    unpack(entry[2]))
end
if is_first == 1 then
  redis.call("XADD", KEYS[3], "*", "s", ARGV[2], "k", ARGV[4], "v", ARGV[5], "m", ARGV[6])
  redis.call("PEXPIRE", KEYS[3], ARGV[3])
  redis.call("SETBIT", KEYS[5], ARGV[10], 1)
  redis.call("EXPIRE", KEYS[5], ARGV[11])
end
return is_first
