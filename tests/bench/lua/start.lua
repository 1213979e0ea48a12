-- SPDX-License-Identifier: MIT
-- Starts a worker that does nothing and waits for its end, again and again. Usage: start.lua METHOD COUNT
-- METHOD is fork, spawn or forkserver; the world interpreters ignores it.
local mm = require("manymoons")

local method, count = arg[1], tonumber(arg[2])

local function nothing() end

local function start_and_join()
  local worker = mm.Process{ target = nothing, method = method }
  worker:start()
  worker:join()
end

start_and_join() -- starts the fork server
local start = mm.time()
for _ = 1, count do start_and_join() end
local seconds = mm.time() - start

print("time", seconds / count * 1e6, "us")
