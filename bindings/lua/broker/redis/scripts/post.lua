-- SPDX-License-Identifier: MIT
-- Puts one posted task, once: into its stream, or among the tasks that are due later. A task due within
-- moments wakes a worker if it is the first one: an entry with the field "w" waits then in the stream, one
-- at most.
--
-- A task with a key of its own is not put while another one with that key has no outcome.
--
-- KEYS  the task's record (number → its entry's id, "due" or "held"; then =field → value), stream, the tasks that
--       are due later, the key of its own (or any), the set of priorities, the stream of the usual one, the
--       registry of workers
-- ARGV  the task's name among these, number, the stream's Lua, milliseconds of its delay, or "@" and the
--       time that it is due, below which delay workers need to be woken, the key of its own, or "", its
--       priority, or "", and the digest of its limit, or ""; then the fields of the entry
-- → the entry's id, "due", or "done": it was put before, and is not open any more; or "=" and the name of the
--   task that has its key
if redis.call("EXISTS", KEYS[1]) == 1 then return redis.call("HGET", KEYS[1], ARGV[2]) or "done" end
if ARGV[6] ~= "" then
  local other = redis.call("GET", KEYS[4])
  if other then return "=" .. other end
  redis.call("SET", KEYS[4], ARGV[1])
end
if ARGV[7] ~= "" then redis.call("HSET", KEYS[1], "p", ARGV[7]) end
if ARGV[8] ~= "" then redis.call("HSET", KEYS[1], "lim", ARGV[8]) end
local clock = redis.call("TIME")
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Workers learn of a priority that is new with their next look.
if ARGV[7] ~= "" and redis.call("SADD", KEYS[5], ARGV[7]) == 1 then places.wake(KEYS[6], KEYS[7]) end
local at = ARGV[4]:sub(1, 1) == "@" and tonumber(ARGV[4]:sub(2)) or now + tonumber(ARGV[4])
if at <= now then
  local id = redis.call("XADD", KEYS[2], "*", unpack(ARGV, 9))
  redis.call("HSET", KEYS[1], ARGV[2], id, "a", ARGV[3], "u", ARGV[6])
  if redis.call("XLEN", KEYS[2]) == 1 then redis.pcall("XGROUP", "CREATE", KEYS[2], "g", "0") end
  return id
end
local words = { "HSET", KEYS[1], ARGV[2], "due", "a", ARGV[3], "u", ARGV[6] }
for place = 9, #ARGV, 2 do
  words[#words + 1], words[#words + 2] = "=" .. ARGV[place], ARGV[place + 1]
end
redis.call(unpack(words))
redis.call("ZADD", KEYS[3], string.format("%.0f", at), ARGV[1])
if at - now < tonumber(ARGV[5]) and redis.call("ZRANGE", KEYS[3], 0, 0)[1] == ARGV[1] then
  places.wake(KEYS[6], KEYS[7])
end
return "due"
