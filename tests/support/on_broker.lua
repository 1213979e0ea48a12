-- SPDX-License-Identifier: MIT
-- Runs a test of pools with pools on a broker: on_broker.lua SCRIPT. The script's mm.Pool makes a pool on a broker,
-- served by a worker with processes; everything else is unchanged.
local broker = require "broker"
local mm = require "manymoons"

local server = broker.server()
local count = 0

local function new_pool(first, ...)
  local options = {}
  if type(first) == "table" then
    for key, value in pairs(first) do options[key] = value end
  else
    options.workers, options.initializer, options.initargs = first, ...
  end
  count = count + 1
  local most = options.maxtasksperchild
  options.maxtasksperchild = nil
  broker.worker(server, "test" .. count, "--processes --lease 2 --name PoolWorker --slots " .. (options.workers or 2)
    .. (most and " --max-tasks " .. most or ""))
  options.broker, options.name = server.url, "test" .. count
  if options.retries == nil then options.retries = 0 end
  return mm.Pool(options)
end

local function new_queue(maxsize)
  count = count + 1
  return mm.Queue{ broker = server.url, name = "test" .. count, maxsize = maxsize }
end

-- Under the name of its module and with all its fields, as functions find it in a worker.
local function stand_in_for(world)
  local stand_in = {}
  for key, value in pairs(world) do stand_in[key] = value end
  stand_in.Pool, stand_in.Queue, stand_in.SimpleQueue = new_pool, new_queue, new_queue
  return setmetatable(stand_in, { __index = world, __newindex = world })
end

local stand_in = stand_in_for(mm)
rawset(stand_in, "world", function(name) return stand_in_for(mm.world(name)) end)
package.loaded.manymoons = stand_in
for _, name in ipairs(mm.worlds) do package.loaded["manymoons." .. name] = stand_in.world(name) end

local script = table.remove(arg, 1)
arg[0] = script -- luacheck: ignore
local chunk, why = loadfile(script)
if not chunk then error(why, 0) end
chunk(table.unpack(arg))
os.exit(true, true)
