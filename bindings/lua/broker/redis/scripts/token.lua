-- SPDX-License-Identifier: MIT
-- Takes a place in the line of a function whose runs are limited: so many in a span at once, and then one in each part
-- of it.
--
-- KEYS  the time until which all places are taken
-- ARGV  how many runs, in how many milliseconds
-- → milliseconds until this run may begin
local clock = redis.call("TIME")
local now = clock[1] * 1000 + clock[2] / 1000
local span = tonumber(ARGV[2])
local taken = math.max(now, tonumber(redis.call("GET", KEYS[1]) or "0")) + span / tonumber(ARGV[1])
redis.call("SET", KEYS[1], string.format("%.3f", taken), "PX", string.format("%.0f", math.ceil(taken - now) + 1000))
return string.format("%.0f", math.max(0, math.ceil(taken - now - span)))
