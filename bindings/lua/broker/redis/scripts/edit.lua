-- SPDX-License-Identifier: MIT
-- Changes fields of a dead letter: another entry takes its place, which keeps the time at which the task was given up.
--
-- KEYS  dead letters
-- ARGV  the letter's id; then fields ("": none) and their values
-- → the new id; "": there is no such letter
local entry = redis.call("XRANGE", KEYS[1], ARGV[1], ARGV[1])[1]
if not entry then return "" end
local fields = entry[2]
local set, place = setter_of(fields)
if not place.at then set("at", ARGV[1]:match("^%d+")) end
for i = 2, #ARGV, 2 do
  if ARGV[i] ~= "" then set(ARGV[i], ARGV[i + 1]) end
end
redis.call("XDEL", KEYS[1], ARGV[1])
return redis.call("XADD", KEYS[1], "*", unpack(fields))
