-- SPDX-License-Identifier: MIT
-- A small HTTP server for one program to look at another: it answers GET and HEAD, closes each connection after its
-- answer, and never waits. Its owner calls `step` when a descriptor of `watch` is ready. A client that is slow, or says
-- too much, is closed.
local _, native = ...

local time = native.time

local Server = {}
Server.__index = Server

local CLIENTS_MOST, HEAD_MOST, SECONDS, RETRY = 64, 8192, 10, 0.02
local METHODS = { GET = "whole", HEAD = "head" }
local REASONS = { [200] = "OK", [400] = "Bad Request", [404] = "Not Found", [405] = "Method Not Allowed",
  [503] = "Service Unavailable" }

local function answer(self, method, path)
  if not method then return 400, "text/plain", "bad request\n" end
  if not METHODS[method] then return 405, "text/plain", "only GET and HEAD\n" end
  local status, kind, text = self.handle(path)
  if status then return status, kind, text end
  return 404, "text/plain", "not found\n"
end

local function response_to(self, head)
  local method, path = head:match("^(%u+) (/[^%s?]*)%S* HTTP/1%.[01]\r?\n")
  local status, kind, text = answer(self, method, path)
  return string.format("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
    .. "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s", status, REASONS[status], kind, #text,
    METHODS[method] == "head" and "" or text)
end

-- What has come of a request. False: the client is gone, or says too much.
local function read_head(client)
  while not client.head:find("\r?\n\r?\n$") do
    if #client.head >= HEAD_MOST then return false end
    local byte, why = client.stream:receive(1, 0)
    if not byte then return why == "timeout" end
    client.head = client.head .. byte
  end
  client.is_whole = true
  return true
end

-- False: it is done with.
local function serve(self, client)
  if time() > client.ends then return false end
  if not client.is_whole then
    if not read_head(client) then return false end
    if not client.is_whole then return true end
    client.response, client.sent = response_to(self, client.head), 0
  end
  local done, why, sent = client.stream:send(client.response, 0, client.sent)
  if done or why ~= "timeout" then return false end
  client.sent = sent
  return true
end

local function admit(self)
  while #self.clients < CLIENTS_MOST do
    local stream = self.stream:accept()
    if not stream then return end
    self.clients[#self.clients + 1] = { stream = stream, head = "", ends = time() + SECONDS }
  end
end

function Server.step(self)
  admit(self)
  local left = {}
  for _, client in ipairs(self.clients) do
    if serve(self, client) then left[#left + 1] = client else client.stream:close() end
  end
  self.clients = left
end

-- Adds the descriptors to wait for to `list`. → the seconds after which `step` is to be called in any case, or nil
function Server.watch(self, list)
  if #self.clients < CLIENTS_MOST then list[#list + 1] = self.stream:fileno() end
  local is_sending = false
  for _, client in ipairs(self.clients) do
    if client.is_whole then is_sending = true else list[#list + 1] = client.stream:fileno() end
  end
  return is_sending and RETRY or self.clients[1] and 1 or nil
end

function Server.close(self)
  for _, client in ipairs(self.clients) do client.stream:close() end
  self.clients = {}
  self.stream:forget(self.address)
  self.stream:close()
end

local http_server = {}

-- handle(path) → status, type and text; nil: there is no such page. The server; or nil and why it cannot listen
function http_server.new(address, handle)
  local stream, bound = native.socket_listen(address)
  if not stream then return nil, bound end
  return setmetatable({ stream = stream, address = bound, handle = handle, clients = {} }, Server)
end

return http_server
