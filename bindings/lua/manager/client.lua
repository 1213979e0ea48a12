-- SPDX-License-Identifier: MIT
-- Manager and connect: starting a manager's server in a worker, and connecting to one that runs.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local worlds = require("core.worlds")
local proxies = require("manager.proxies")
local server_side = require("manager.server")
local listener = require("net.listener")
local vm_pipe = require("queues.vm_pipe")

local expect = checks.expect
local ask, proxy_meta, handles = proxies.ask, proxies.meta, proxies.handles
local CONNECT_SECONDS, END_SECONDS = proxies.CONNECT_SECONDS, 5

local manager = {}

-- Managers --------------------------------------------------------------------------------------------

local Manager = {}
local manager_meta = { __name = "Manager", __mm_send = false, __mm_names = { Manager } }

local function check(self, where)
  checks.self(self, manager_meta, where)
  local server = rawget(self, "_server")
  if not server then checks.fail(where .. ": used after close") end
  return server
end

-- m:dict(), m:list(), …, and all registered names
function manager_meta.__index(_, name)
  if Manager[name] then return Manager[name] end
  if type(name) ~= "string" then return nil end
  return function(self, ...) return (ask(check(self, "Manager:" .. name), nil, nil, "create", name, ...)) end
end

function manager_meta.__tostring(self) return "Manager: " .. tostring(rawget(self, "address")) end

-- register(name, factory): m:name(…) then calls factory(…) on the server, and returns a proxy of its result.
function Manager.register(self, name, factory)
  local server = check(self, "Manager:register")
  local is_name = type(name) == "string" and name:match("^[%a_][%w_]*$")
  expect(is_name, "Manager:register", "a name expected, got " .. checks.show(name))
  expect(not Manager[name], "Manager:register", "'" .. name .. "' is the manager's own")
  expect(checks.is_callable(factory), "Manager:register", "function expected, got " .. type(factory))
  if server.trust ~= "data" then return (ask(server, nil, nil, "register", name, factory)) end
  local secret = rawget(self, "_secret")
  if not secret then
    checks.fail("Manager:register: with trust = \"data\" the program that started the manager may, and no client")
  end
  local bytes = native.dumps(factory)
  ask(server, nil, nil, "register", name, bytes, native.sign(secret, "manymoons register 1", name, bytes))
end

-- pairs of a proxy, for Lua versions without __pairs.
function Manager.pairs(self, proxy)
  checks.self(self, manager_meta, "Manager:pairs")
  expect(proxies.is_proxy(proxy), "Manager:pairs", "a proxy expected, got " .. type(proxy))
  return proxy_meta.__pairs(proxy)
end

-- Ends the server if this Manager started it; otherwise only closes the connection.
function Manager.close(self)
  checks.self(self, manager_meta, "Manager:close")
  local server = rawget(self, "_server")
  if not server then return end
  rawset(self, "_server", nil)
  handles[server.token] = nil
  local worker = rawget(self, "_worker")
  if worker and rawget(self, "_pid") == native.pid() then
    proxies.shut_down(server, END_SECONDS, native.sign(rawget(self, "_secret"), "manymoons shutdown 1"))
    if not worker:join(END_SECONDS) then worker:kill() end
    worker:join()
    worker:close()
  end
  proxies.leave(server)
end
Manager.shutdown = Manager.close
manager_meta.__close = Manager.close

local function new_token() return hex(native.random_bytes(8)) end

local OPTIONS = { address = true, authkey = true, trust = true, initializer = true, initargs = true }

-- What the server's worker calls before it serves.
local function read_initializer(options)
  local initializer, initargs = options.initializer, options.initargs
  expect(initializer == nil or checks.is_callable(initializer), "Manager",
    "initializer: a function expected, got " .. type(initializer))
  expect(initargs == nil or type(initargs) == "table", "Manager", "initargs: a list expected, got " .. type(initargs))
  return initializer, checks.arguments(initargs or {}, "Manager", "initargs")
end

local function read_options(options)
  options = options or {}
  expect(type(options) == "table", "Manager", "a table of options expected, got " .. type(options))
  checks.check_options(options, OPTIONS, "Manager")
  local key = options.authkey
  local is_key = key == nil or (type(key) == "string" and #key > 0)
  expect(is_key, "Manager", "authkey: a string expected, not an empty one")
  local trust = options.trust
  expect(trust == nil or trust == "peer" or trust == "data", "Manager",
    'trust: "peer" (clients may send code, which runs in the manager) or "data" expected, got ' .. checks.show(trust))
  return options.address and listener.read_address(options.address, "Manager"), key or native.random_bytes(32),
    trust or "peer"
end

local function new_manager(server, secret, pid, worker)
  return setmetatable({
    _server = server, address = server.address or "here", pid = pid, _worker = worker, _pid = native.pid(),
    _secret = secret,
  }, manager_meta)
end

local function start(world, address, key, settings)
  local report = world.Queue()
  local ending = not worlds.get(world.name).has_own_vm and vm_pipe.new_ending() or nil
  local worker = world.Process({
    target = package.loaded.manymoons._serve, args = { address, key, settings, report, ending, n = 5 },
    name = "Manager",
    daemon = true,
  })
  worker:start()
  local answer = report:get(CONNECT_SECONDS)
  if answer and answer.address then return worker, answer end
  worker:kill()
  worker:join()
  checks.fail("Manager: " .. tostring(answer and answer.why or "the server does not start"))
end

-- The constructor Manager{ address =, authkey = } of a world: starts a server in a worker of this world. world_of(name)
-- is the table of a world.
function manager.constructor(name, world_of)
  return function(options)
    local address, key, trust = read_options(options)
    local initializer, initargs = read_initializer(options or {})
    local token, secret = new_token(), native.random_bytes(32)
    local settings = { token = token, trust = trust, secret = secret, initializer = initializer, initargs = initargs }
    if worlds.get(name).is_immediate then
      expect(not address, "Manager", "address: a manager of the serial world serves its own program alone")
      handles[token] = server_side.new_local(settings)
      return new_manager({ token = token, trust = trust }, secret, native.pid())
    end
    local worker, answer = start(world_of(name), address, key, settings)
    local server_of_it = { address = answer.address, key = key, token = token, trust = trust }
    return new_manager(server_of_it, secret, answer.pid, worker)
  end
end

-- connect(address, authkey): a manager that another process or machine has started; or nil and why
function manager.connect(address, key)
  address = listener.read_address(address, "connect")
  expect(type(key) == "string" and #key > 0, "connect", "authkey: a string expected, not an empty one")
  local server = { address = address, key = key }
  local stream, why = listener.connect(address, key, CONNECT_SECONDS)
  if not stream then return nil, why end
  stream:close()
  local ok, token, trust = pcall(function()
    server.token = "?" .. new_token()
    return ask(server, nil, nil, "token")
  end)
  if not ok then return nil, tostring(token) end
  server.token, server.trust = token, trust
  return new_manager(server)
end

return manager
