-- SPDX-License-Identifier: MIT
-- Delivers tasks to one worker, from the first stream that has some.
--
-- KEYS  streams, in the order in which they come
-- ARGV  the worker's name, how many at most
-- → as XREADGROUP
local left, found = tonumber(ARGV[2]), {}
for _, stream in ipairs(KEYS) do
  local reply = redis.pcall("XREADGROUP", "GROUP", "g", ARGV[1], "COUNT", left, "STREAMS", stream, ">")
  local part = reply and not reply.err and reply[1]
  if part then
    found[#found + 1] = part
    left = left - #part[2]
    if left <= 0 then break end
  end
end
return found
