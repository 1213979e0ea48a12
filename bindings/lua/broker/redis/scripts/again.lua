-- SPDX-License-Identifier: MIT
-- A posted task that was delivered runs once more: at once, from the end of its stream, or after a pause.
-- So it is with a task that failed, one that was lost with its worker, one that a worker hands back, and
-- one that is not due yet.
--
-- KEYS  stream, the task's record, the tasks that are due later
-- ARGV  id, number, the task's name among these, how many attempts this makes (0: none), milliseconds of the
--       pause, a line about the attempt ("": there is none), and 1 if it has its place in the line of a
--       function whose runs are limited; the digest of its limit ("": it has none), and the beginning of the
--       pool's keys
-- → "gone": another worker did it; "dropped": another delivery counts, or none; "due"; or its new id
if redis.call("XACK", KEYS[1], "g", ARGV[1]) == 0 then return "gone" end
local entry = redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
redis.call("XDEL", KEYS[1], ARGV[1])
if not entry then return "gone" end
if redis.call("HGET", KEYS[2], ARGV[2]) ~= ARGV[1] then return "dropped" end
places.leave(ARGV[9], ARGV[8], ARGV[3])
local fields = entry[2]
local set, place = setter_of(fields)
set("n", tostring((tonumber(place.n and fields[place.n]) or 0) + tonumber(ARGV[4])))
if ARGV[6] ~= "" then
  local lines = (place.t and fields[place.t] or "") .. ARGV[6] .. "\n"
  while #lines > 8192 do lines = lines:gsub("^[^\n]*\n", "") end
  set("t", lines)
end
if ARGV[7] == "1" or place.r then set("r", ARGV[7]) end
if tonumber(ARGV[5]) <= 0 then
  local id = redis.call("XADD", KEYS[1], "*", unpack(fields))
  redis.call("HSET", KEYS[2], ARGV[2], id)
  return id
end
local clock = redis.call("TIME")
local words = { "HSET", KEYS[2], ARGV[2], "due" }
for i = 1, #fields, 2 do words[#words + 1], words[#words + 2] = "=" .. fields[i], fields[i + 1] end
redis.call(unpack(words))
redis.call("ZADD", KEYS[3], string.format("%.0f", clock[1] * 1000 + clock[2] / 1000 + ARGV[5]), ARGV[3])
return "due"
