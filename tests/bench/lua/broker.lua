-- SPDX-License-Identifier: MIT
-- A pool on a Redis server that keeps everything on disk (everysec), two workers of a slot each, all on this machine.
--
--   broker.lua tasks N   calls of a trivial function, with 100 bytes, each a task
--   broker.lua items N   the same as items of one list
--   broker.lua trip N    one call after the other
--   broker.lua memory N  the growth of the server's memory between the first tenth of N tasks and the end
--   broker.lua idle N    commands a second that an idle worker sends, over N seconds
local here = arg[0]:match("^(.*)/[^/]*$")
package.path = here .. "/../../support/?.lua;" .. package.path
local mm = require "manymoons"
local broker = require "broker" -- the support of the broker's tests; it runs the program that runs this script

local what, count = arg[1], math.floor(tonumber(arg[2]))
local server = broker.server()
for _ = 1, 2 do broker.worker(server, "bench", "--slots 1") end
local pool = mm.Pool{ broker = server.url, name = "bench" }
local function identity(x) return x end
pool:map(identity, { 1, 2, 3, 4 })

local function list_of(n)
  local list, text = {}, ("x"):rep(100)
  for i = 1, n do list[i] = text end
  return list
end

local function info(section, field) return tonumber(server:cli("info " .. section):match(field .. ":(%d+)")) end

local start = mm.time()
if what == "tasks" then
  pool:map(identity, list_of(count), { chunksize = 1 })
  print("rate", count / (mm.time() - start), "/s")
elseif what == "items" then
  pool:map(identity, list_of(count))
  print("rate", count / (mm.time() - start), "/s")
elseif what == "trip" then
  for _ = 1, count do pool:apply(identity, 1) end
  print("time", (mm.time() - start) / count * 1e6, "us")
elseif what == "memory" then
  local tenth = list_of(math.ceil(count / 10))
  local first
  for i = 1, 10 do
    pool:map(identity, tenth, { chunksize = 1 })
    if i == 1 then first = info("memory", "used_memory") end
  end
  print("memory", (info("memory", "used_memory") - first) / 1024, "KiB")
elseif what == "idle" then
  mm.sleep(1)
  local before = info("stats", "total_commands_processed")
  mm.sleep(count)
  local sent = info("stats", "total_commands_processed") - before - 1
  print("rate", sent / count / 2, "/s")
end
pool:terminate()
