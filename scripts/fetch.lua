-- SPDX-License-Identifier: MIT
-- Fetching many pages from a slow server: nearly all of the time is spent waiting.
--
--   manymoons compare scripts/fetch.lua [pages [seconds [workers]]]
--
-- The script starts the server: a process with a task for each connection, which answers each request after `seconds`.
-- The workers fetch; in the world async they are tasks of one thread, and all wait at once.
-- Needs luasocket.
package.path = (arg[0]:match("^.*/") or "") .. "?.lua;" .. package.path
local mm = require "manymoons"
local sockets = require "sockets"

local PAGES, DELAY, WORKERS = tonumber(arg[1]) or 200, tonumber(arg[2]) or 0.02, tonumber(arg[3]) or 50

-- The server ------------------------------------------------------------------------------------------

local function page(path) return "<html><title>" .. path .. "</title>" .. ("moon "):rep(#path * 10) .. "</html>\n" end

local function answer(client)
  local request = sockets.receive(client, "*l")
  local path = request and request:match("^GET (%S+) HTTP/1%.[01]$")
  repeat local header = sockets.receive(client, "*l") until header == nil or header == ""
  mm.sleep(DELAY) -- for example, to query a database
  local status, body = "200 OK", path and page(path)
  if not path then status, body = "400 Bad Request", "" end
  local head = "HTTP/1.1 " .. status .. "\r\nContent-Length: " .. #body .. "\r\nConnection: close\r\n\r\n"
  sockets.send(client, head .. body)
  client:close()
end

local function serve(ports)
  mm.async.run(function()
    local server, port = sockets.listen()
    ports:put(port)
    while true do mm.async.spawn(answer, sockets.accept(server)) end
  end)
end

-- The client ------------------------------------------------------------------------------------------

local function fetch(port, path)
  local s = sockets.connect(port)
  sockets.send(s, "GET " .. path .. " HTTP/1.1\r\nHost: localhost\r\n\r\n")
  local status = sockets.receive(s, "*l")
  local text = sockets.receive(s, "*a")
  s:close()
  assert(status == "HTTP/1.1 200 OK", status)
  return #text:match("\r\n\r\n(.*)$")
end

local ports = mm.processes.Queue()
local server = mm.processes.Process({ target = serve, args = { ports }, daemon = true })
server:start()
local port = ports:get(30)

local jobs = {}
for i = 1, PAGES do jobs[i] = { port, "/page/" .. i } end
local pool = mm.Pool(WORKERS)
local sizes = pool:starmap(fetch, jobs, { chunksize = 1 })
pool:close()
pool:join()
server:terminate()
server:join()

local bytes, expected = 0, 0
for i, size in ipairs(sizes) do bytes, expected = bytes + size, expected + #page(jobs[i][2]) end
assert(bytes == expected, "pages were cut")
print(string.format("%d pages of %d bytes in all", #sizes, bytes))
