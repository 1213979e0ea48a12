-- SPDX-License-Identifier: MIT
-- Sockets of luasocket (Debian: lua-socket) whose waits let other code run: in a task the other tasks, outside of tasks
-- the other threads. Used by fetch.lua, chat.lua and crawl.lua.
--
-- luasocket itself never waits here: its timeout is 0, and when it returns "timeout", wait_fd waits.
local mm = require "manymoons"
local ok, socket = pcall(require, "socket")
if not ok then
  io.stderr:write("this script needs luasocket: apt install lua-socket\n")
  os.exit(1)
end

local wait_fd = mm.async.wait_fd
local sockets = {}

local function prepare(s)
  s:settimeout(0)
  return s
end

-- Returns a server on a free port of this machine, and the port.
function sockets.listen()
  local server = prepare(assert(socket.bind("127.0.0.1", 0, 1024)))
  local _, port = server:getsockname()
  return server, tonumber(port)
end

function sockets.accept(server)
  while true do
    local client, why = server:accept()
    if client then
      client:setoption("tcp-nodelay", true)
      return prepare(client)
    end
    if why ~= "timeout" then error("accept: " .. why, 0) end
    assert(wait_fd(server, "r"))
  end
end

function sockets.connect(port)
  local s = prepare(socket.tcp())
  local done, why = s:connect("127.0.0.1", port)
  if not done and why == "timeout" then
    assert(wait_fd(s, "w"))
    done, why = s:connect("127.0.0.1", port)
    done = done or why == "already connected"
  end
  if not done then error("connect: " .. why, 0) end
  s:setoption("tcp-nodelay", true)
  return s
end

-- Receives a line without its line end ("*l"), or everything until the peer closes ("*a"); nil at the end.
function sockets.receive(s, pattern)
  local parts = {}
  local text, why, rest = s:receive(pattern)
  while why == "timeout" do
    parts[#parts + 1] = rest
    assert(wait_fd(s, "r"))
    text, why, rest = s:receive(pattern)
  end
  parts[#parts + 1] = text or rest
  if why == "closed" and (pattern ~= "*a" or #parts == 0) then return nil end
  if why and why ~= "closed" then error("receive: " .. why, 0) end
  return table.concat(parts)
end

-- Returns true; false if the peer has closed.
function sockets.send(s, text)
  local sent, why, last = s:send(text)
  while not sent do
    if why == "closed" then return false end
    if why ~= "timeout" then error("send: " .. why, 0) end
    assert(wait_fd(s, "w"))
    sent, why, last = s:send(text, last + 1)
  end
  return true
end

return sockets
