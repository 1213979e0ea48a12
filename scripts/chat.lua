-- SPDX-License-Identifier: MIT
-- A chat server and its guests: many open connections; the server sends each line to all guests.
--
--   manymoons --world async scripts/chat.lua [guests [lines]]
--
-- The server is a process with a task for each guest. The guests are workers: each sends its lines, waits until the
-- server has sent all of them back, and leaves. Needs luasocket.
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local mm = require "manymoons"
local sockets = require "sockets"

local GUESTS, LINES = tonumber(arg[1]) or 20, tonumber(arg[2]) or 10

-- The server ------------------------------------------------------------------------------------------

-- Each guest has a queue of outgoing lines, so that a slow guest does not delay the others.
local function host(client, rooms, log)
  local queue = mm.async.Queue()
  rooms[client] = queue
  local writer = mm.async.spawn(function()
    for line in queue:iter() do
      if not sockets.send(client, line .. "\n") then return end
    end
  end)
  local name = sockets.receive(client, "*l")
  log.joined = log.joined + 1
  while true do
    local line = sockets.receive(client, "*l")
    if not line then break end
    log.lines = log.lines + 1
    for _, other in pairs(rooms) do other:put(name .. ": " .. line) end
  end
  rooms[client] = nil
  queue:close()
  writer:cancel()
  client:close()
end

local function serve(ports, ending)
  mm.async.run(function()
    local server, port = sockets.listen()
    local rooms, log = {}, { joined = 0, lines = 0 }
    ports:put(port)
    mm.async.spawn(function()
      while true do mm.async.spawn(host, sockets.accept(server), rooms, log) end
    end)
    ending:wait()
    ports:put(log)
  end)
end

-- The guests ------------------------------------------------------------------------------------------

local function visit(port, name)
  local s = sockets.connect(port)
  sockets.send(s, name .. "\n")
  local heard, others = 0, 0
  for i = 1, LINES do
    sockets.send(s, "line " .. i .. "\n")
    repeat
      local line = assert(sockets.receive(s, "*l"), "the server hung up")
      local is_own = line:match("^(%S+): ") == name
      if is_own then
        assert(line == name .. ": line " .. i, line)
        heard = heard + 1
      else
        others = others + 1
      end
    until is_own
  end
  s:close()
  return heard, others
end

local ports, ending = mm.processes.Queue(), mm.processes.Event()
local server = mm.processes.Process(serve, ports, ending)
server:start()
local port = ports:get(30)

local guests = {}
for i = 1, GUESTS do guests[i] = { port, "guest" .. i } end
local pool = mm.Pool(GUESTS)
local heard = 0
for _, own in ipairs(pool:starmap(visit, guests, { chunksize = 1 })) do heard = heard + own end
pool:close()
pool:join()

ending:set()
local log = ports:get(30)
server:join()
assert(log.joined == GUESTS and log.lines == GUESTS * LINES, "a line was lost")
print(string.format("%d guests sent %d lines, and received %d of their own", log.joined, log.lines, heard))
