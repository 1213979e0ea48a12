-- SPDX-License-Identifier: MIT
-- Proxies and their connections: the client side of manager/server.lua.
--
-- A proxy is a manager's address and the number of an object; it is sent as these, and the receiver connects to the
-- server itself. Each thread or task of each process has its own connection to each server, so a request that waits
-- does not delay others. When a connection ends, the server returns what its client held.
--
-- Who named the server decides what its answers may bring. A proxy of this program was made by its Manager or connect,
-- or came from a worker of it, and is answered as an authenticated peer answers. A proxy in bytes of another program
-- has the metatable foreign_meta (`__mm_foreign`; vm/state/decode.c): those bytes chose the server and its key, so its
-- answers are data alone. A foreign proxy stays foreign wherever it is sent.
--
-- A manager with trust = "data" decodes requests as those of strangers, which bring no proxies. So a request to it has
-- { [ID] = number } for each proxy of its own objects.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")
local locks = require("locks.locks")
local listener = require("net.listener")

local unpack = checks.unpack

local proxies = {}

local CONNECT_SECONDS = 20

-- Connections -----------------------------------------------------------------------------------------

local SERVER, ID, KIND, CLOSED = "\0server", "\0id", "\0kind", "\0closed" -- fields of proxies that no object has
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
  local message = native.place() .. "Manager: the server is gone (" .. why .. ")"
  return errors.new_error({ message = message, kind = "died", worker = "Manager" })
end

-- The name of a server among those of this VM. A foreign one never has that of another server.
local function name_of_server(server)
  if not server.is_foreign then return server.token end
  local is_right = type(server.token) == "string" and type(server.address) == "string"
    and (server.key == nil or type(server.key) == "string")
  if not is_right then error("Manager: a malformed proxy", 0) end
  return table.concat({ "foreign", server.address, server.key or "", server.token }, " ")
end

local function link_to(server)
  native.settle_fork()
  local name = name_of_thread() .. name_of_server(server)
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
local function exchange(server, bytes, timeout, proxy)
  local here = not server.is_foreign and handles[server.token]
  if here then return here(bytes) end
  if not server.address then errors.raise(died("it was closed")) end
  local link = link_to(server)
  link.is_busy, link.proxy = true, proxy
  local ok, why = link.state.stream:send(listener.frame(listener.VALUE, bytes))
  local kind, answer
  if ok then kind, answer = listener.fetch(link.state, timeout) end
  if not kind then
    link.state.stream:close()
    errors.raise(died(why or answer))
  end
  listener.drop(link.state)
  link.is_busy, link.proxy = false, nil
  return answer
end

-- A refusal (manager/refusals.lua) is an error of the script's call, whose place only the client knows.
local function raise_failure(failure, trust)
  if failure.is_refusal then failure.message = native.place() .. tostring(failure.message) end
  errors.raise(errors.new_error(failure, nil, nil, trust))
end

local function open_answer(server, bytes)
  local trust = server.is_foreign and "stranger" or "peer"
  local answer = native.loads_from(trust, bytes)
  local is_answer = type(answer) == "table" and type(answer[2]) == (answer[1] and "number" or "table")
  if not is_answer then errors.raise(died("malformed answer")) end
  if not answer[1] then raise_failure(answer[2], trust) end
  return answer
end

local function close(link) link.state.stream:close() end

-- A thread or task that waits for an answer finds the end of its connection, and closes it.
local function hang_up(link)
  if link.is_busy then link.state.stream:shut_down() else close(link) end
end

local function end_links_if(is_meant, finish)
  for name, link in pairs(links) do
    if is_meant(name) then
      links[name] = nil
      finish(link)
    end
  end
end

-- Closes the connections of a thread or task that ends; the server then returns what it held.
function end_links(mine)
  end_links_if(function(name) return name:sub(1, #mine) == mine end, close)
end

function proxies.end_thread() end_links(name_of_thread()) end

-- Closes the parent's connections; otherwise the server would not notice the parent's end.
function proxies.after_fork()
  end_links_if(function() return true end, close)
end

-- Ends all connections of this VM to a server.
function proxies.leave(server)
  local token = server.token
  end_links_if(function(name) return name:sub(-#token) == token end, hang_up)
end

-- Proxies ---------------------------------------------------------------------------------------------

local proxy_meta, foreign_meta = { __name = "Proxy" }, { __name = "Proxy" }
proxy_meta.__mm_foreign = foreign_meta
local new_proxy

-- What the script calls the object; bytes of a stranger may bring anything there.
local function kind_of(proxy) return tostring(rawget(proxy, KIND)) end

local function is_proxy(value)
  local meta = getmetatable(value)
  return meta == proxy_meta or meta == foreign_meta
end

local function server_of(proxy)
  local server = rawget(proxy, SERVER)
  if getmetatable(proxy) == foreign_meta then
    if type(server) ~= "table" then error("Manager: a malformed proxy", 0) end
    server.is_foreign = true
  end
  return server
end

local function import(server, result, proxy, key)
  if type(result) ~= "table" then return result end
  if result.id then return new_proxy(server, result.id, result.kind) end
  if result.callable then return proxies.stub(proxy, "call", key) end
  if result.method then return proxies.stub(proxy, "method", key) end
  return result.value
end

-- The value with { [ID] = number } for each proxy of the server; a copy where there is one.
local function name_own(server, value, seen)
  if type(value) ~= "table" then return value end
  local id = proxies.id_of(value, server.token)
  if id then return { [ID] = id } end
  if getmetatable(value) or seen[value] then return seen[value] or value end
  local copy = {}
  seen[value] = copy
  for key, inner in pairs(value) do copy[key] = name_own(server, inner, seen) end
  return copy
end

-- What the caller calls itself, where it may be a waiter of a deadlock (manager/deadlocks.lua).
local function introduce(method)
  if type(method) ~= "string" or not method:find("^acquire") then return nil end
  local place = native.place():gsub(": $", "")
  return { name = ("%s (process %d)"):format(identity.current().name, native.pid()),
    place = place ~= "" and " at " .. place or "" }
end

-- Of a request that cannot be sent: what the script called, and where its arguments begin in the request.
local function describe(proxy, op, first, second)
  if op == "create" then return "Manager:" .. tostring(first), 3 end
  if op == "register" then return "Manager:register", 2 end
  local kind = kind_of(proxy)
  local is_method = op == "call" and second ~= nil or op == "method"
  return is_method and kind .. ":" .. tostring(second) or kind, 4
end

local function refuse_unsendable(err, proxy, ...)
  local where, first = describe(proxy, ...)
  local is_value = (...) == "newindex"
  local text = checks.bare(err):gsub("%(at value%[(%d+)%]", function(place)
    return is_value and "(at value" or ("(at argument %d"):format(place - first + 1)
  end)
  checks.fail(where .. ": " .. text)
end

local function request_of(server, proxy, ...)
  local request = { n = select("#", ...), ... }
  request.who = introduce(request[3])
  local ok, bytes = pcall(native.dumps, server.trust == "data" and name_own(server, request, {}) or request)
  if not ok then refuse_unsendable(bytes, proxy, ...) end
  return bytes
end

-- Asks the server to end; a server that does not answer in time is left to its starter.
function proxies.shut_down(server, timeout, signature)
  pcall(exchange, server, native.dumps({ n = 2, "shutdown", signature }), timeout)
end

local dropped = {} -- server's name → numbers of objects whose proxies were collected

local ask

-- Another user of the VM has closed the proxy. What the caller got meanwhile is given back.
local function closed_meanwhile(server, proxy)
  pcall(ask, server, proxy, nil, "leave", rawget(proxy, ID))
  checks.fail(kind_of(proxy) .. ": closed while it was waited for")
end

function ask(server, proxy, key, ...)
  local name = name_of_server(server)
  local gone = dropped[name]
  if gone and #gone >= 64 then
    dropped[name] = nil
    exchange(server, native.dumps({ n = #gone + 1, "drop", unpack(gone) }))
  end
  local bytes = exchange(server, request_of(server, proxy, ...), nil, proxy)
  if proxy and rawget(proxy, CLOSED) and (...) ~= "leave" then closed_meanwhile(server, proxy) end
  local answer = open_answer(server, bytes)
  for i = 3, answer[2] + 2 do answer[i] = import(server, answer[i], proxy, key) end
  return unpack(answer, 3, answer[2] + 2)
end

-- The next request reports the objects whose proxies were collected. Only Lua versions with __gc for tables do this.
local function note_drop(proxy)
  local ok, name = pcall(function() return name_of_server(server_of(proxy)) end)
  if not ok then return end -- a malformed one; a finalizer does not raise
  local list = dropped[name] or {}
  dropped[name] = list
  list[#list + 1] = rawget(proxy, ID)
end

local known = setmetatable({}, { __mode = "v" }) -- proxies by server and number

function new_proxy(server, id, kind)
  local name = name_of_server(server) .. " " .. id
  local proxy = known[name]
  if proxy then return proxy end
  local meta = server.is_foreign and foreign_meta or proxy_meta
  proxy = setmetatable({ [SERVER] = server, [ID] = id, [KIND] = kind }, meta)
  known[name] = proxy
  return proxy
end

function proxies.id_of(value, token)
  if not is_proxy(value) or server_of(value).token ~= token then return nil end
  return rawget(value, ID)
end

-- The number in a reference that stands for a proxy in a request (name_own), or nil.
function proxies.named_id(value) return not getmetatable(value) and rawget(value, ID) or nil end

-- The server and the number of the object. A closed proxy is refused.
local function check(self)
  if rawget(self, CLOSED) then checks.fail(kind_of(self) .. ": used after close") end
  return server_of(self), rawget(self, ID)
end

local function check_self(self, where)
  if not is_proxy(self) then checks.refuse_self(self, where) end
  return check(self)
end

-- A method of the library's, named `key`, of objects of the kind.
local function method_of(kind, key)
  local where = kind .. ":" .. tostring(key)
  return function(self, ...)
    local server, id = check_self(self, where)
    return ask(server, self, nil, "method", id, key, ...)
  end
end

-- A function that calls one of the script's object.
local function function_of(proxy, key)
  return function(...)
    local server, id = check(proxy)
    return ask(server, proxy, nil, "call", id, key, ...)
  end
end

-- Methods that run in the client, because they call functions of the script, or return what only the client has. An
-- object of the script may have locks' methods of its own.
local callers = locks.new_callers(check_self)

local function caller_of(proxy, key)
  local list = callers[kind_of(proxy)]
  return list and list[key]
end

-- Threads and tasks of this VM that wait in the proxy get an answer, and find it closed.
local function end_waits(self)
  for _, link in pairs(links) do
    local stream = link.is_busy and link.proxy == self and link.state.stream
    if stream then pcall(stream.send, stream, listener.frame(listener.VALUE, native.dumps({ n = 1, "unwait" }))) end
  end
end

-- Lets go of the object: what the caller holds of it is given back, and an object without proxies goes. A queue is
-- closed for all of its users, which its own method does.
local function close_proxy(self)
  if not is_proxy(self) then checks.refuse_self(self, "Proxy:close") end
  if rawget(self, CLOSED) then return end
  local server, id = server_of(self), rawget(self, ID)
  rawset(self, CLOSED, true)
  end_waits(self)
  known[name_of_server(server) .. " " .. id] = nil
  pcall(ask, server, self, nil, "leave", id) -- or the server is gone
end

-- What proxy.close is: the object's own, or that of the proxy; also where the server is gone.
local function closer_of(self)
  if rawget(self, CLOSED) then return close_proxy end
  local ok, value = pcall(ask, server_of(self), self, "close", "index", rawget(self, ID), "close")
  return ok and value or close_proxy
end

function proxies.stub(proxy, op, key)
  if op == "method" then return method_of(kind_of(proxy), key) end
  return (key == "with" or key == "guard") and caller_of(proxy, key) or function_of(proxy, key)
end

function proxy_meta.__index(self, key)
  if key == "close" then return closer_of(self) end
  local server, id = check(self)
  local value = ask(server, self, key, "index", id, key)
  if value == nil then return caller_of(self, key) end
  return value
end

-- The end of a `<close>` variable.
function proxy_meta.__close(self)
  local closer = closer_of(self)
  if not checks.is_callable(closer) then closer = close_proxy end
  closer(self)
end

function proxy_meta.__newindex(self, key, value)
  local server, id = check(self)
  ask(server, self, nil, "newindex", id, key, value)
end

function proxy_meta.__call(self, ...)
  local server, id = check(self)
  return ask(server, self, nil, "call", id, nil, ...)
end

function proxy_meta.__len(self)
  local server, id = check(self)
  return ask(server, self, nil, "len", id)
end

function proxy_meta.__pairs(self)
  local server, id = check(self)
  local list, i = ask(server, self, nil, "pairs", id), 0
  return function()
    i = i + 1
    local pair = list[i]
    if pair then return import(server, pair[1], self), import(server, pair[2], self, pair[1]) end
  end
end

function proxy_meta.__eq(a, b)
  return is_proxy(a) and is_proxy(b) and server_of(a).token == server_of(b).token and rawget(a, ID) == rawget(b, ID)
end

function proxy_meta.__tostring(self)
  if rawget(self, CLOSED) then return kind_of(self) .. ": closed" end
  return ask(server_of(self), self, nil, "show", rawget(self, ID))
end
function proxy_meta.__gc(self) note_drop(self) end

for name, method in pairs(proxy_meta) do
  if type(method) == "function" then foreign_meta[name] = method end
end

-- For manager/client.lua ------------------------------------------------------------------------------

proxies.ask, proxies.meta, proxies.foreign_meta, proxies.is_proxy = ask, proxy_meta, foreign_meta, is_proxy
proxies.handles = handles
proxies.CONNECT_SECONDS = CONNECT_SECONDS

return proxies
