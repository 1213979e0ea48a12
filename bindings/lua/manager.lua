-- SPDX-License-Identifier: MIT
-- Manager, connect, and proxies: the clients' side of lua/manager_server.lua.
--
-- A proxy is a manager's address and an object's number. It travels as that; where it arrives it finds the server by
-- itself. Each thread of each process has a connection of its own to each server, so a request that waits holds
-- up nobody else; when the connection ends the server takes back what its client held.
local private = ...

local expect, unpack = private.expect, private.unpack
local listener = private.listener

local manager = {}
private.manager = manager

local CONNECT_SECONDS = 20

-- Connections -----------------------------------------------------------------------------------------

local links = {} -- by thread or task, and server; a forked child has none at first
local handles = {} -- of servers in this VM (serial), by token

local end_links -- defined below

local function name_of_thread()
  local task = private.schedulers and private.schedulers.current()
  if not task then return tostring(private.thread()) .. " " end
  local name = tostring(task.co) .. " "
  if not task.has_links then
    task.has_links = true
    private.schedulers.on_end(task, function() end_links(name) end)
  end
  return name
end

local function died(why)
  local message = "Manager: the server is gone (" .. why .. ")"
  return private.new_error({ message = message, kind = "died", worker = "Manager" })
end

local function link_to(server)
  local name = name_of_thread() .. server.token
  local link = links[name]
  if link and not link.is_busy then return link end
  if link then link.state.stream:close() end
  links[name] = nil
  local stream, why = listener.connect(server.address, server.key, CONNECT_SECONDS)
  if not stream then private.raise(died(why)) end
  link = { state = { stream = stream, most = listener.SIZE_MOST }, is_busy = false }
  links[name] = link
  return link
end

-- An answer that the script did not wait for, because it was stopped, would be taken for the next one's: a link that is
-- busy when it is wanted is given up.
local function exchange(server, bytes)
  if handles[server.token] then return handles[server.token](bytes) end
  if not server.address then private.raise(died("it was closed")) end
  local link = link_to(server)
  link.is_busy = true
  local ok, why = link.state.stream:send(listener.frame(listener.VALUE, bytes))
  local kind, answer
  if ok then kind, answer = listener.fetch(link.state) end
  if not kind then private.raise(died(why or answer)) end
  listener.drop(link.state)
  link.is_busy = false
  return answer
end

local function open_answer(bytes)
  local answer = private.loads(bytes, { functions = true })
  if not answer[1] then private.raise(private.new_error(answer[2])) end
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

-- What the thread held is the server's again.
function end_links(mine)
  close_links(function(name) return name:sub(1, #mine) == mine end)
end

function manager.end_thread() end_links(name_of_thread()) end

-- The parent's: they would keep the server from seeing its end.
function manager.after_fork()
  close_links(function() return true end)
end

-- Proxies ---------------------------------------------------------------------------------------------

local SERVER, ID, KIND = "\0server", "\0id", "\0kind" -- fields that no object has
local proxy_meta = { __name = "Proxy" }
local new_proxy

local function import(server, result, proxy, key)
  if type(result) ~= "table" then return result end
  if result.id then return new_proxy(server, result.id, result.kind) end
  if result.callable then return manager.stub(proxy, "call", key) end
  if result.method then return manager.stub(proxy, "method", key) end
  return result.value
end

local dropped = {} -- numbers of objects without proxies here, by server's token

local function ask(server, proxy, key, ...)
  local gone = dropped[server.token]
  if gone and #gone >= 64 then
    dropped[server.token] = nil
    exchange(server, private.dumps({ n = #gone + 1, "drop", unpack(gone) }))
  end
  local answer = open_answer(exchange(server, private.dumps({ n = select("#", ...), ... })))
  for i = 3, answer[2] + 2 do answer[i] = import(server, answer[i], proxy, key) end
  return unpack(answer, 3, answer[2] + 2)
end

-- Where tables have __gc, the server learns in batches of what nobody here has any more.
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

function manager.id_of(value, token)
  if getmetatable(value) ~= proxy_meta or rawget(value, SERVER).token ~= token then return nil end
  return rawget(value, ID)
end

-- A function of an object's; as a method of its kind it is called with the object before the arguments.
function manager.stub(proxy, op, key)
  local server, id = rawget(proxy, SERVER), rawget(proxy, ID)
  if op == "call" then
    if key == "with" then return private.sync.with end
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
  -- What calls the script's functions runs here.
  if value == nil and kind == "object" and (key == "with" or key == "wait_for") then return private.sync[key] end
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

-- Managers --------------------------------------------------------------------------------------------

local Manager = {}
local manager_meta = { __name = "Manager" }

local function check(self, where)
  expect(getmetatable(self) == manager_meta, where, "Manager expected, got " .. type(self), 3)
  local server = rawget(self, "_server")
  if not server then error(where .. ": used after close", 3) end
  return server
end

-- m:dict(), m:list(), …, m:anything_registered(…)
function manager_meta.__index(_, name)
  if Manager[name] then return Manager[name] end
  if type(name) ~= "string" then return nil end
  return function(self, ...) return (ask(check(self, "Manager:" .. name), nil, nil, "create", name, ...)) end
end

function manager_meta.__tostring(self) return "Manager: " .. tostring(rawget(self, "address")) end

-- register(name, factory): from now on m:name(…) makes, or finds, what factory(…) returns on the server.
function Manager.register(self, name, factory)
  local server = check(self, "Manager:register")
  local is_name = type(name) == "string" and name:match("^[%a_][%w_]*$")
  expect(is_name, "Manager:register", "a name expected, got " .. tostring(name))
  expect(not Manager[name], "Manager:register", "'" .. name .. "' is the manager's own")
  expect(private.is_callable(factory), "Manager:register", "function expected, got " .. type(factory))
  ask(server, nil, nil, "register", name, factory)
end

-- pairs of a proxy, where Lua does not ask for __pairs.
function Manager.pairs(_, proxy)
  expect(getmetatable(proxy) == proxy_meta, "Manager:pairs", "a proxy expected, got " .. type(proxy))
  return proxy_meta.__pairs(proxy)
end

-- Who started it ends it; who connected leaves.
function Manager.close(self)
  local server = rawget(self, "_server")
  if not server then return end
  rawset(self, "_server", nil)
  handles[server.token] = nil
  local worker = rawget(self, "_worker")
  if worker and rawget(self, "_pid") == private.pid() then
    pcall(ask, server, nil, nil, "shutdown")
    if not worker:join(5) then worker:kill() end
    worker:join()
    worker:close()
  end
  close_links(function(name) return name:sub(-#server.token) == server.token end)
end
Manager.shutdown = Manager.close
manager_meta.__close = Manager.close

local function text_of(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function new_token() return text_of(private.random_bytes(8)) end

local OPTIONS = { address = true, authkey = true }

local function read_options(options)
  options = options or {}
  expect(type(options) == "table", "Manager", "a table of options expected, got " .. type(options), 3)
  private.check_options(options, OPTIONS, "Manager")
  local key = options.authkey
  local is_key = key == nil or (type(key) == "string" and #key > 0)
  expect(is_key, "Manager", "authkey: a string expected, not an empty one", 3)
  return options.address and listener.read_address(options.address, "Manager"), key or private.random_bytes(32)
end

local function new_manager(server, pid, worker)
  return setmetatable({
    _server = server, address = server.address or "here", pid = pid, _worker = worker, _pid = private.pid(),
  }, manager_meta)
end

local function start(world, address, key, token)
  local report = world.Queue()
  local worker = world.Process({
    target = private.public._serve, args = { address, key, token, report }, name = "Manager", daemon = true,
  })
  worker:start()
  local answer = report:get(CONNECT_SECONDS)
  if answer and answer.address then return worker, answer end
  worker:kill()
  worker:join()
  error("Manager: " .. tostring(answer and answer.why or "the server does not start"), 3)
end

-- Manager{ address =, authkey = }: a server of its own, in a worker of the world.
function manager.constructor(name)
  return function(options)
    local address, key = read_options(options)
    local token = new_token()
    if name == "serial" then
      handles[token] = private.manager_server.new_local(token)
      return new_manager({ token = token }, private.pid())
    end
    local worker, answer = start(private.public.world(name), address, key, token)
    return new_manager({ address = answer.address, key = key, token = token }, answer.pid, worker)
  end
end

-- connect(address, authkey): a manager that another process or host has started; or nil and why
function manager.connect(address, key)
  address = listener.read_address(address, "connect")
  expect(type(key) == "string" and #key > 0, "connect", "authkey: a string expected, not an empty one")
  local server = { address = address, key = key }
  local stream, why = listener.connect(address, key, CONNECT_SECONDS)
  if not stream then return nil, why end
  stream:close()
  local ok, token = pcall(function()
    server.token = "?" .. new_token()
    return ask(server, nil, nil, "token")
  end)
  if not ok then return nil, tostring(token) end
  server.token = token
  return new_manager(server)
end

manager.Proxy = proxy_meta

return manager
