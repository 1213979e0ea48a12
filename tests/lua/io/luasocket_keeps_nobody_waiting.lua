-- SPDX-License-Identifier: MIT
-- After mm.async.patch_socket, ten requests of socket.http run at once in one program, beside the server, which answers
-- none of them before all ten have come. Times that the script sets hold.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"

if not pcall(require, "socket") then os.exit(77) end
local COUNT = 10

mm.async.patch_socket()
local socket = require "socket"
local listener = assert(socket.bind("127.0.0.1", 0))
local _, port = listener:getsockname()

local function read_request(client)
  local path
  while true do
    local line = assert(client:receive("*l"))
    path = path or line:match("^GET (%S+)")
    if line == "" then return path end
  end
end

local function serve()
  local waiting = {}
  for i = 1, COUNT do
    local client = assert(listener:accept())
    waiting[i] = { client, read_request(client) }
  end
  for _, each in ipairs(waiting) do
    local body = ("x"):rep(200000) .. each[2]
    assert(each[1]:send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body))
    each[1]:close()
  end
end

local function fetch(i, at)
  require("manymoons").async.patch_socket()
  local http = require "socket.http"
  local body, code = http.request("http://localhost:" .. at .. "/" .. i)
  return body and #body, body and body:sub(-4), code
end

local function run()
  local server = mm.Process(serve)
  if mm.current_world() == "interpreters" then server = mm.threads.Process(serve) end
  server:start()
  local pool = mm.Pool(COUNT)
  local futures = {}
  for i = 1, COUNT do futures[i] = pool:submit(fetch, 100 + i, port) end
  for i = 1, COUNT do
    expect.equal({ futures[i]:get(expect.HANG) }, { 200004, "/" .. 100 + i, 200 })
  end
  pool:close()
  pool:join()
  expect.equal(server:join(expect.HANG), true)
end

run()

-- A time that is over.
local client = assert(socket.connect("127.0.0.1", port))
local accepted = assert(listener:accept())
client:settimeout(0.01)
expect.equal({ client:receive("*l") }, { nil, "timeout", "" })
accepted:send("half")
client:settimeout(0)
expect.equal(select(2, client:receive("*l")), "timeout")
client:settimeout(nil)
accepted:send(" a line\n")
local line = client:receive("*l")
expect.truthy(line == "half a line" or line == " a line", line) -- the time that was over may have taken the half

-- Nobody listens; a name that there is not.
accepted:close()
expect.equal({ client:receive("*l") }, { nil, "closed", "" })
listener:close()
expect.equal({ socket.tcp():connect("127.0.0.1", port) }, { nil, "connection refused" })
expect.equal({ socket.select({}, {}, 0.001) }, { {}, {}, "timeout" })
