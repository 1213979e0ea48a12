-- SPDX-License-Identifier: MIT
-- Pools and queues on an engine: a Redis or Valkey server, which distributes tasks among workers on any number of
-- machines. This file reads what users say: URLs, secrets, options; and knows the names of keys.
--
--   engine_connection.lua  commands and their replies, over a link (vm/engine/link.h)
--   engine_dispatch.lua    the pool: submits tasks, hands out results, submits again what the server forgot
--   engine_wire.lua        how tasks, functions and results are written down and signed
--   engine_queue.lua       Queue and JoinableQueue
--   engine_worker.lua      `manymoons worker`: fetches tasks, and runs them in a pool of this machine
--   engine_run.lua         what that pool's workers do
--   engine_look.lua        what `manymoons pool` shows
--   ../engine/*.lua        scripts that run in the server, one step each
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")

local expect = checks.expect

local broker = {}

-- URLs: redis://[user[:password]@]host[:port][/database], rediss:// with TLS, unix://[user:password@]/path[?db=n] ----

local URL_OPTIONS = { ca = true, cert = true, key = true, db = true, durability = true }

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function read_options(query, refuse)
  local options = {}
  for word in query:gmatch("[^&]+") do
    local name, value = word:match("^([^=]*)=(.*)$")
    if not name or not URL_OPTIONS[name] then refuse("unknown option '" .. word .. "'") end
    options[name] = unescape(value)
  end
  local durability = options.durability
  if durability and not durability:find("^wait%d$") then refuse("durability: 'wait1' and the like expected") end
  return options
end

local function read_host(place, refuse)
  local host, port = place:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then host, port = place:match("^([^:]*):?(%d*)$") end
  if not host then refuse("'host:port' expected") end
  if host == "" then host = "localhost" end
  if port == "" then port = "6379" end
  return host:gsub("^%[(.*)%]$", "%1"), host .. ":" .. port
end

local LOOPBACK = { localhost = true, ["::1"] = true }

-- → the settings of a link (bindings/engine_link.c), is_local, durability; `shown` is the URL without its password.
function broker.read_url(url, where, level)
  local function refuse(why)
    error(where .. ": engine: " .. why .. " (a URL such as redis://host:6379/0)", level + 2)
  end
  if type(url) ~= "string" then refuse("a string expected, got " .. type(url)) end
  local scheme, rest = url:match("^(%a+)://(.*)$")
  if scheme ~= "redis" and scheme ~= "rediss" and scheme ~= "unix" then
    refuse("redis://, rediss:// or unix:// expected")
  end
  local body, query = rest:match("^([^?]*)%??(.*)$")
  local options = read_options(query, refuse)
  local credentials, place = body:match("^(.*)@(.*)$")
  local user, password = (credentials or ""):match("^([^:]*):?(.*)$")
  local settings = {
    user = unescape(user), password = unescape(password), ca = options.ca or "", cert = options.cert or "",
    key = options.key or "", is_encrypted = scheme == "rediss", name = "manymoons",
    shown = scheme .. "://" .. (place or body), wait = options.durability and options.durability:match("%d") or nil,
  }
  if user ~= "" and password == "" then settings.user, settings.password = "", unescape(user) end
  place = place or body
  local database = options.db or "0"
  if scheme == "unix" then
    settings.address, settings.host, settings.is_local = unescape(place), "localhost", true
    if settings.address == "" then refuse("the path of a socket expected") end
  else
    local host, path = place:match("^([^/]*)/?(.*)$")
    settings.host, settings.address = read_host(host, refuse)
    settings.is_local = LOOPBACK[settings.host] or settings.host:find("^127%.") ~= nil
    if path ~= "" then database = path end
  end
  if not database:find("^%d%d?%d?$") then refuse("the number of a database expected, got '" .. database .. "'") end
  settings.database = tonumber(database)
  return settings
end

-- Secrets ------------------------------------------------------------------------------------------------------------

local SECRET_BYTES, SECRET_LEAST = 32, 16

local function read_file(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local text = file:read("*a")
  file:close()
  return text
end

-- The first signs, all of them are accepted: so that a new one can be brought in.
local function secrets_of(text, what, where, level)
  local list = {}
  for line in text:gmatch("[^\r\n]+") do list[#list + 1] = line end
  expect(#list > 0, where, what .. ": is empty", level)
  for _, secret in ipairs(list) do
    expect(#secret >= SECRET_LEAST, where, what .. ": a secret has " .. SECRET_LEAST .. " characters or more", level)
  end
  return list
end

local function secrets_of_file(path, where, level)
  local text, why = read_file(path)
  expect(text, where, "secret_file: " .. tostring(why), level)
  expect(native.is_private_file(path), where, "secret_file: " .. path .. " can be read by others; type: chmod 600 " ..
    path, level)
  return secrets_of(text, "secret_file: " .. path, where, level)
end

-- On one machine, programs of one user share a secret without being told: made when it is first needed, in a file that
-- nobody else can read.
local function secrets_of_user()
  local home = os.getenv("HOME")
  local state = os.getenv("XDG_STATE_HOME")
  if not state or state == "" then state = home and home ~= "" and home .. "/.local/state" end
  if not state then return nil end
  local path = state .. "/manymoons/broker.secret"
  local text = read_file(path)
  if not text then
    local secret = hex(native.random_bytes(SECRET_BYTES))
    if not native.create_private_file(path, secret .. "\n") then return nil end
    text = read_file(path)
  end
  if not text or #text < SECRET_LEAST or not native.is_private_file(path) then return nil end
  return secrets_of(text, path, "engine", 2)
end

-- In the workers of a daemon that was told: what their tasks use if they say nothing else.
function broker.set_default_secrets(list) broker.default_secrets = list end

-- options: secret, secret_file; then the environment; then the user's own, where the server is on this machine
function broker.secrets(options, settings, where, level)
  if options.secret ~= nil then
    expect(type(options.secret) == "string", where, "secret: a string expected, got " .. type(options.secret), level)
    return secrets_of(options.secret, "secret", where, level + 1)
  end
  if options.secret_file ~= nil then
    expect(type(options.secret_file) == "string", where,
      "secret_file: a string expected, got " .. type(options.secret_file), level)
    return secrets_of_file(options.secret_file, where, level + 1)
  end
  if broker.default_secrets then return broker.default_secrets end
  local text = os.getenv("MANYMOONS_SECRET")
  if text and text ~= "" then return secrets_of(text, "MANYMOONS_SECRET", where, level + 1) end
  local path = os.getenv("MANYMOONS_SECRET_FILE")
  if path and path ~= "" then return secrets_of_file(path, where, level + 1) end
  return settings.is_local and secrets_of_user() or {}
end

-- Names --------------------------------------------------------------------------------------------------------------

function broker.check_name(name, where, level)
  expect(type(name) == "string", where, "name: a string expected, got " .. type(name), level)
  expect(name:find("^[%w_.-]+$") and #name <= 64, where,
    "name: up to 64 letters, digits, '_', '.' and '-' expected, got '" .. name .. "'", level)
  return name
end

-- The braces keep everything of one pool on one node of a cluster.
function broker.key_of(name) return "manymoons:{" .. name .. "}:" end

-- What runs bytecode of this program: its Lua, and its build.
local abi
function broker.abi()
  if not abi then
    local dumped = string.dump(function() end)
    local head = dumped:sub(1, dumped:sub(1, 4) == "\27Lua" and (dumped:byte(5) >= 0x54 and 31 or 12) or 5)
    local jit = rawget(_G, "jit")
    local text = table.concat({ native.version, _VERSION, jit and jit.version or "", head }, "\n")
    abi = hex(native.sha256(text):sub(1, 6))
  end
  return abi
end

-- The rest -----------------------------------------------------------------------------------------------------------

local POOL_OPTIONS = {
  engine = true, name = true, workers = true, initializer = true, initargs = true, timeout = true, retries = true,
  secret = true, secret_file = true, window = true, abi_wait = true,
}
local OF_WORKERS = { memory = true, libs = true, nice = true, maxtasksperchild = true, sandbox = true }

local function check_count(options, name, least, level)
  local value = options[name]
  expect(value == nil or (type(value) == "number" and value >= least and value % 1 == 0), "Pool",
    name .. ": a whole number, " .. least .. " or more, expected, got " .. tostring(value), level)
end

local function check_seconds(options, name, level)
  local value = options[name]
  expect(value == nil or (type(value) == "number" and value > 0 and value < math.huge), "Pool",
    name .. ": a number of seconds above 0 expected, got " .. tostring(value), level)
end

-- Pool{ engine =, name =, … } → the fields of a pool
function broker.read_pool(options, level)
  for name in pairs(options) do
    if OF_WORKERS[name] then
      error("Pool: " .. name .. ": is for `manymoons worker` to say, not for a pool on an engine", level)
    end
    if not POOL_OPTIONS[name] then error("Pool: unknown option '" .. tostring(name) .. "'", level) end
  end
  check_count(options, "workers", 1, level)
  check_count(options, "retries", 0, level)
  check_count(options, "window", 1, level)
  check_seconds(options, "timeout", level)
  check_seconds(options, "abi_wait", level)
  expect(options.initializer == nil or checks.is_callable(options.initializer), "Pool",
    "initializer: a function expected, got " .. type(options.initializer), level)
  local args = options.initargs or {}
  expect(type(args) == "table", "Pool", "initargs: a list expected, got " .. type(args), level)
  local settings = broker.read_url(options.engine, "Pool", level)
  return {
    _settings = settings, _engine = settings.shown, _name = broker.check_name(options.name, "Pool", level),
    _secrets = broker.secrets(options, settings, "Pool", level), _wanted_size = options.workers,
    _initializer = options.initializer, _initargs = { n = args.n or #args, checks.unpack(args, 1, args.n or #args) },
    _timeout = options.timeout, _retries = options.retries or 2, _window = options.window or 1000,
    _abi_wait = options.abi_wait or 30,
  }
end

return broker
