-- SPDX-License-Identifier: MIT
-- Renews the leases of one consumer, entry by entry. An entry that was delivered and never arrived,
-- because the connection broke in that instant, is not among them: it goes idle, whatever the
-- stream believes.
--
-- KEYS  the registry, the text about the consumer; then for each entry its stream, and the hash in which its number
--       stands while its client waits for it
-- ARGV  name, seconds the text lives, the text; then for each entry its id, behind any text with a "/", and number
--       ("": it has no client)
-- → "L" and the id, as it was given, of each entry that another consumer owns, "F" and the id of each that no client
--   waits for
local me = ARGV[1]
local news = {}
for place = 3, #KEYS, 2 do
  local stream, given, number = KEYS[place], ARGV[place + 1], ARGV[place + 2]
  local id = given:match("[^/]*$")
  local pending = redis.pcall("XPENDING", stream, "g", id, id, 1)
  if pending[1] and pending[1][2] == me then
    redis.call("XCLAIM", stream, "g", me, 0, id, "JUSTID")
    if number ~= "" and redis.call("HEXISTS", KEYS[place + 1], number) == 0 then news[#news + 1] = "F" .. given end
  else
    news[#news + 1] = "L" .. given
  end
end
-- These come last: a server without memory refuses them, and leases are worth more.
redis.pcall("ZADD", KEYS[1], redis.call("TIME")[1], me)
redis.pcall("SET", KEYS[2], ARGV[3], "EX", ARGV[2])
return news
