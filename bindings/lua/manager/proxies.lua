-- SPDX-License-Identifier: MIT
-- Proxies and their connections: the client side of manager/server.lua.
--
-- A proxy is a manager's address and the number of an object; it is sent as these, and the receiver connects to the
-- server itself. Each thread or task of each process has its own connection to each server, so a request that waits
-- does not delay others. When a connection ends, the server returns what its client held.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")
local locks = require("locks.locks")
local listener = require("net.listener")

local unpack = checks.unpack

local proxies = {}

local CONNECT_SECONDS = 20

-- Connections -----------------------------------------------------------------------------------------

local links = {} -- connections, by thread or task and server; empty in a forked child
local handles = {} -- of servers in this VM (serial), by token

local end_links -- defined below

local function name_of_thread()
  local task = waits.current_task()
  if not task then return tostring(native.thread()) .. " " end
  local name = tostring(task.co) .. " "
  if not task.has_links then
    task.has_links = true
    waits.tasks.on_end(task, function() end_links(name) end)
  end
  return name
end

local function died(why)
  local message = "Manager: the server is gone (" .. why .. ")"
  return errors.new_error({ message = message, kind = "died", worker = "Manager" })
end

local function link_to(server)
  local name = name_of_thread() .. server.token
  local link = links[name]
  if link and not link.is_busy then return link end
  if link then link.state.stream:close() end
  links[name] = nil
  local stream, why = listener.connect(server.address, server.key, CONNECT_SECONDS)
  if not stream then errors.raise(died(why)) end
  link = { state = { stream = stream, most = listener.SIZE_MOST }, is_busy = false }
  links[name] = link
  return link
end

-- Sends a request and waits for its answer. A link whose last request was interrupted stays busy, and link_to replaces
-- it, because its answer would be taken for that of the next request.
local function exchange(server, bytes)
  if handles[server.token] then return handles[server.token](bytes) end
  if not server.address then errors.raise(died("it was closed")) end
  local link = link_to(server)
  link.is_busy = true
  local ok, why = link.state.stream:send(listener.frame(listener.VALUE, bytes))
  local kind, answer
  if ok then kind, answer = listener.fetch(link.state) end
  if not kind then errors.raise(died(why or answer)) end
  listener.drop(link.state)
  link.is_busy = false
  return answer
end

local function open_answer(bytes)
  local answer = native.loads(bytes, { functions = true })
  if not answer[1] then errors.raise(errors.new_error(answer[2])) end
  return answer
end

local function close_links(is_meant)
  for name, link in pairs(links) do
    if is_meant(name) then
      link.state.stream:close()
      links[name] = nil
    end
  end
end

-- Closes the connections of a thread or task; the server then returns what it held.
function end_links(mine)
  close_links(function(name) return name:sub(1, #mine) == mine end)
end

function proxies.end_thread() end_links(name_of_thread()) end

-- Closes the parent's connections; otherwise the server would not notice the parent's end.
function proxies.after_fork()
  close_links(function() return true end)
end

-- Proxies ---------------------------------------------------------------------------------------------

local SERVER, ID, KIND = "\0server", "\0id", "\0kind" -- fields that no object has
local proxy_meta = { __name = "Proxy" }
local new_proxy

local function import(server, result, proxy, key)
  if type(result) ~= "table" then return result end
  if result.id then return new_proxy(server, result.id, result.kind) end
  if result.callable then return proxies.stub(proxy, "call", key) end
  if result.method then return proxies.stub(proxy, "method", key) end
  return result.value
end

local dropped = {} -- server's token → numbers of objects whose proxies were collected

local function ask(server, proxy, key, ...)
  local gone = dropped[server.token]
  if gone and #gone >= 64 then
    dropped[server.token] = nil
    exchange(server, native.dumps({ n = #gone + 1, "drop", unpack(gone) }))
  end
  local answer = open_answer(exchange(server, native.dumps({ n = select("#", ...), ... })))
  for i = 3, answer[2] + 2 do answer[i] = import(server, answer[i], proxy, key) end
  return unpack(answer, 3, answer[2] + 2)
end

-- The next request reports the objects whose proxies were collected. Only Lua versions with __gc for tables do this.
local function note_drop(proxy)
  local server = rawget(proxy, SERVER)
  local list = dropped[server.token] or {}
  dropped[server.token] = list
  list[#list + 1] = rawget(proxy, ID)
end

local known = setmetatable({}, { __mode = "v" }) -- proxies by server and number

function new_proxy(server, id, kind)
  local name = server.token .. id
  local proxy = known[name]
  if proxy then return proxy end
  proxy = setmetatable({ [SERVER] = server, [ID] = id, [KIND] = kind }, proxy_meta)
  known[name] = proxy
  return proxy
end

function proxies.id_of(value, token)
  if getmetatable(value) ~= proxy_meta or rawget(value, SERVER).token ~= token then return nil end
  return rawget(value, ID)
end

-- A function that calls one of the object. Called as a method, it does not send the proxy as an argument.
function proxies.stub(proxy, op, key)
  local server, id = rawget(proxy, SERVER), rawget(proxy, ID)
  if op == "call" then
    if key == "with" then return locks.callers.with end
    return function(...) return ask(server, proxy, nil, "call", id, key, ...) end
  end
  return function(self, ...)
    if self ~= proxy then return ask(server, proxy, nil, op, id, key, self, ...) end
    return ask(server, proxy, nil, op, id, key, ...)
  end
end

function proxy_meta.__index(self, key)
  local server, id, kind = rawget(self, SERVER), rawget(self, ID), rawget(self, KIND)
  local value = ask(server, self, key, "index", id, key)
  -- These methods call functions of the script, so they run in the client.
  if value == nil and kind == "object" then return locks.callers[key] end
  return value
end

function proxy_meta.__newindex(self, key, value)
  ask(rawget(self, SERVER), self, nil, "newindex", rawget(self, ID), key, value)
end

function proxy_meta.__call(self, ...)
  return ask(rawget(self, SERVER), self, nil, "call", rawget(self, ID), nil, ...)
end

function proxy_meta.__len(self) return ask(rawget(self, SERVER), self, nil, "len", rawget(self, ID)) end

function proxy_meta.__pairs(self)
  local server = rawget(self, SERVER)
  local list, i = ask(server, self, nil, "pairs", rawget(self, ID)), 0
  return function()
    i = i + 1
    local pair = list[i]
    if pair then return import(server, pair[1], self), import(server, pair[2], self, pair[1]) end
  end
end

function proxy_meta.__eq(a, b)
  return rawget(a, SERVER).token == rawget(b, SERVER).token and rawget(a, ID) == rawget(b, ID)
end

function proxy_meta.__tostring(self) return ask(rawget(self, SERVER), self, nil, "show", rawget(self, ID)) end
function proxy_meta.__gc(self) note_drop(self) end

-- For manager/client.lua ------------------------------------------------------------------------------

proxies.ask, proxies.meta, proxies.handles, proxies.close_links = ask, proxy_meta, handles, close_links
proxies.CONNECT_SECONDS = CONNECT_SECONDS

return proxies
