-- SPDX-License-Identifier: MIT
-- A small HTTP server for one program to look at another: it closes each connection after its answer, but for streams
-- of events, and never waits. Its owner calls `step` when a descriptor of `watch` is ready. A client that is slow, or
-- says too much, is closed.
--
-- A request is { action, path, query, headers, body, is_local_user }: the action is "read", "head" or "write" (a POST);
-- query by name, decoded; headers by their names in lower case; is_local_user() tells whether it comes from a process
-- of this machine and of this user, or of root.
local _, native = ...

local time = native.time

local Server = {}
Server.__index = Server

local CLIENTS_MOST, HEAD_MOST, BODY_MOST, SECONDS, RETRY = 64, 8192, 4096, 10, 0.02
local UNSENT_MOST = 4 * 1024 * 1024 -- of events, for a client that does not read
local METHODS = { GET = "read", HEAD = "head", POST = "write" }
local REASONS = { [200] = "OK", [303] = "See Other", [400] = "Bad Request", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [409] = "Conflict", [503] = "Service Unavailable" }

-- Requests ------------------------------------------------------------------------------------------------------------

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function read_query(text)
  local query = {}
  for name, value in text:gmatch("([^&=]+)=([^&]*)") do query[decoded(name)] = decoded(value) end
  return query
end

-- The request of a head; nil: it is none.
local function read_request(head)
  local method, path, query = head:match("^(%u+) (/[^%s?#]*)%??(%S*) HTTP/1%.[01]\r?\n")
  if not method then return nil end
  local headers = {}
  for name, value in head:gmatch("\n([%w-]+):[ \t]*([^\r\n]*)") do headers[name:lower()] = value end
  return { action = METHODS[method] or "other", path = path, query = read_query(query), headers = headers, body = "" }
end

local function is_of_streams(client) return client.topic ~= nil end

-- What has come of a request. False: the client is gone, or says too much.
local function read_head(client)
  while not client.head:find("\r?\n\r?\n$") do
    if #client.head >= HEAD_MOST then return false end
    local byte, why = client.stream:receive(1, 0)
    if not byte then return why == "timeout" end
    client.head = client.head .. byte
  end
  client.request = read_request(client.head) or {}
  function client.request.is_local_user() return client.stream:is_local_user() end
  return true
end

local function read_body(client)
  local size = tonumber(client.request.headers and client.request.headers["content-length"] or 0)
  if not size or size < 0 or size > BODY_MOST or size % 1 ~= 0 then return false end
  if size > 0 then
    local body, why = client.stream:receive(size, 0)
    if not body then return why == "timeout" end
    client.request.body = body
  end
  client.is_whole = true
  return true
end

-- Answers -------------------------------------------------------------------------------------------------------------

local function answer(self, request)
  if not request.action then return 400, "text/plain", "bad request\n" end
  if request.action == "other" or request.action == "write" and not self.takes_posts then
    return 405, "text/plain", "this method is not served\n"
  end
  local status, kind, text, headers = self.handle(request)
  if status then return status, kind, text, headers end
  return 404, "text/plain", "not found\n"
end

local function head_of(status, kind, more, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status]), "Content-Type: " .. kind, more,
    "Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Connection: close" }
  for _, line in ipairs(headers or {}) do lines[#lines + 1] = line end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- A handler that answers with the kind "text/event-stream" subscribes the client to a topic, which is its text.
local function respond(self, client)
  local status, kind, text, headers = answer(self, client.request)
  if kind == "text/event-stream" then
    client.topic, client.ends = text, nil
    client.unsent = head_of(status, kind, "X-Accel-Buffering: no", headers)
  else
    local body = client.request.action == "head" and "" or text
    client.unsent = head_of(status, kind, "Content-Length: " .. #text, headers) .. body
  end
end

-- False: it cannot be sent, or all that there was has been.
local function send(client)
  if client.unsent == "" then return is_of_streams(client) end
  local done, why, sent = client.stream:send(client.unsent, 0)
  if done then
    client.unsent = ""
    return is_of_streams(client)
  end
  if why ~= "timeout" then return false end
  client.unsent = client.unsent:sub(sent + 1)
  return true
end

-- A browser that has left its page.
local function has_left(client)
  if not is_of_streams(client) then return false end
  local byte, why = client.stream:receive(1, 0)
  return not byte and why ~= "timeout"
end

-- False: it is done with.
local function serve(self, client)
  if client.ends and time() > client.ends then return false end
  if not client.request and not read_head(client) then return false end
  if not client.request then return true end
  if not client.is_whole then
    if not read_body(client) then return false end
    if not client.is_whole then return true end
    respond(self, client)
  end
  return not has_left(client) and send(client)
end

-- The owner's calls ---------------------------------------------------------------------------------------------------

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
    is_sending = is_sending or client.unsent ~= nil and client.unsent ~= ""
    if not client.is_whole or is_of_streams(client) then list[#list + 1] = client.stream:fileno() end
  end
  return is_sending and RETRY or self.clients[1] and 1 or nil
end

-- The topics that clients listen to: a set.
function Server.topics(self)
  local topics = {}
  for _, client in ipairs(self.clients) do
    if is_of_streams(client) then topics[client.topic] = true end
  end
  return topics
end

-- Sends an event, one line, to all that listen to the topic. One that does not read misses those for which there is no
-- room.
function Server.publish(self, topic, line)
  for _, client in ipairs(self.clients) do
    if client.topic == topic and #client.unsent < UNSENT_MOST then
      client.unsent = client.unsent .. "data: " .. line .. "\n\n"
    end
  end
end

function Server.close(self)
  for _, client in ipairs(self.clients) do client.stream:close() end
  self.clients = {}
  self.stream:forget(self.address)
  self.stream:close()
end

local http_server = {}

-- handle(request) → status, type, text, and a list of lines of more headers or nil; nil: there is no such page.
-- takes_posts: it gets requests to POST as well. The server; or nil and why it cannot listen
function http_server.new(address, handle, takes_posts)
  local stream, bound = native.socket_listen(address)
  if not stream then return nil, bound end
  return setmetatable({ stream = stream, address = bound, handle = handle, takes_posts = takes_posts, clients = {} },
    Server)
end

return http_server
