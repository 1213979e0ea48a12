-- SPDX-License-Identifier: MIT
-- How many entries wait, how many were delivered and are not done with, and whether the queue is
-- closed.
--
-- KEYS  stream, the flag that it is closed
-- → waiting, delivered, 1 or 0
local pending = redis.pcall("XPENDING", KEYS[1], "g")
local delivered = pending.err and 0 or pending[1]
return { redis.call("XLEN", KEYS[1]) - delivered, delivered, redis.call("EXISTS", KEYS[2]) }
