-- SPDX-License-Identifier: MIT
-- Reads what users write for pools and queues on a broker: the URL, secrets, names, options.
--
--   backend.lua       what a broker does, and what each server's module has to have
--   redis.lua         how Redis says it, with redis/*.lua
--   client.lua        the pool: submits tasks, hands out results, submits again what the server forgot
--   codec.lua         how tasks, functions and results are written down and signed
--   queue.lua         Queue and JoinableQueue
--   worker.lua        `manymoons worker`: fetches tasks, and runs them in a pool of this machine
--   service.lua       one of the pools that a worker serves
--   tasks.lua         the tasks that a worker has of it
--   log.lua           what a worker says
--   metrics.lua       what it counts
--   reports.lua       what tasks say while they run (current.lua)
--   run.lua           what that pool's workers do
--   posting.lua       tasks that outlive their program, and their outcomes
--   attempts.lua      what becomes of such a task after an attempt
--   schedules.lua     functions that run at times of cron (cron.lua)
--   letters.lua       dead letters
--   upkeep.lua        what waits is cancelled
--   inspect.lua       what `manymoons pool` shows
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local backend = require("broker.backend")

local expect = checks.expect

local broker = {}

-- URLs ---------------------------------------------------------------------------------------------------------------

local function redis() return require("broker.redis") end

-- Schemes of URLs, and what loads the backend of each.
local BACKENDS = { { "redis", redis }, { "rediss", redis }, { "unix", redis } }
local EXAMPLE = "redis://host:6379/0"

local function refuse(why) error({ refusal = why }, 0) end -- read_url raises it at its caller

local function unescape(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function read_options(query)
  local options = {}
  for word in query:gmatch("[^&]+") do
    local name, value = word:match("^([^=]+)=(.*)$")
    if not name then refuse("unknown option '" .. word .. "'") end
    options[name] = unescape(value)
  end
  return options
end

local function find_backend(scheme)
  local schemes = {}
  for i, row in ipairs(BACKENDS) do
    if row[1] == scheme then return backend.check(scheme, row[2]()) end
    schemes[i] = row[1] .. "://"
  end
  refuse(table.concat(schemes, ", ") .. " expected" .. (scheme and ", got " .. native.printable(scheme) .. "://" or ""))
end

-- scheme://[user[:password]@]place[?name=value&…] → manymoons.broker.Url
local function split_url(scheme, rest)
  local body, query = rest:match("^([^?]*)%??(.*)$")
  local credentials, place = body:match("^(.*)@(.*)$")
  local user, password = (credentials or ""):match("^([^:]*):?(.*)$")
  return {
    scheme = scheme, user = unescape(user), password = unescape(password), place = place or body,
    options = read_options(query), unescape = unescape,
  }
end

-- The text of a file that no other user can read; or nil and why not.
local function read_private(path)
  local text, why = native.read_private_file(path)
  if text then return text end
  if why:match("^EPERM") then return nil, " can be read by others; type: chmod 600 " .. path end
  return nil, ": " .. (why:gsub("^E%w+: ", ""))
end

-- In the workers of a daemon: its password, which their tasks use where their URLs have none.
function broker.set_default_password(password) broker.default_password = password end

local function password_of_file(path)
  if type(path) ~= "string" then refuse("password_file: a string expected, got " .. type(path)) end
  local text, why = read_private(path)
  if not text then refuse("password_file: " .. path .. why) end
  return text:match("^[^\r\n]+") or refuse("password_file: " .. path .. " is empty")
end

-- The password that a URL leaves out: of the file that was named, or else of the environment.
local function password_besides(file)
  if file ~= nil then return password_of_file(file) end
  if broker.default_password then return broker.default_password end
  local text = native.environment("MANYMOONS_BROKER_PASSWORD")
  if text and text ~= "" then return text end
  local path = native.environment("MANYMOONS_BROKER_PASSWORD_FILE")
  return path and path ~= "" and password_of_file(path) or ""
end

-- A URL without its user, password and options.
function broker.shown(text) return (text:gsub("%?.*$", ""):gsub("^(%a+://).*@", "%1")) end

-- A single word before the host is the password, or beside a password from elsewhere the user.
local function read_settings(text, password_file)
  if type(text) ~= "string" then refuse("a string expected, got " .. type(text)) end
  local scheme, rest = text:match("^(%a+)://(.*)$")
  local server, url = find_backend(scheme), split_url(scheme, rest)
  if url.password == "" then url.password = password_besides(password_file) end
  local settings = server.read_url(url, refuse)
  settings.backend, settings.shown = server, broker.shown(text)
  return settings
end

-- → manymoons.broker.Settings. password_file: a file with the password, for a URL without one
function broker.read_url(text, where, password_file)
  local ok, settings = pcall(read_settings, text, password_file)
  if ok then return settings end
  if type(settings) ~= "table" then error(settings, 0) end
  if settings.refusal:find("^password_file:") then checks.fail(where .. ": " .. settings.refusal) end
  checks.fail(where .. ": broker: " .. settings.refusal .. " (a URL such as " .. EXAMPLE .. ")")
end

-- Secrets ------------------------------------------------------------------------------------------------------------

local SECRET_BYTES, SECRET_LEAST = 32, 16

-- The first one signs, all of them are accepted, so that a secret can be replaced while programs
-- run.
local function secrets_of(text, what, where)
  local list = {}
  for line in text:gmatch("[^\r\n]+") do list[#list + 1] = line end
  expect(#list > 0, where, what .. ": is empty")
  for _, secret in ipairs(list) do
    expect(#secret >= SECRET_LEAST, where,
      ("%s: a secret has %d characters or more, got %d"):format(what, SECRET_LEAST, #secret))
  end
  return list
end

local function secrets_of_file(path, where)
  local text, why = read_private(path)
  expect(text, where, "secret_file: " .. path .. tostring(why))
  return secrets_of(text, "secret_file: " .. path, where)
end

-- Programs of one user on one machine share a secret. It is made when it is first needed, in a file
-- that no other user can read.
local function secrets_of_user()
  local home = native.environment("HOME")
  local state = native.environment("XDG_STATE_HOME")
  if not state or state == "" then state = home and home ~= "" and home .. "/.local/state" end
  if not state then return nil end
  local path = state .. "/manymoons/broker.secret"
  local text, why = native.read_private_file(path)
  if not text and why:match("^ENOENT") then
    local secret = hex(native.random_bytes(SECRET_BYTES))
    if not native.create_private_file(path, secret .. "\n") then return nil end
    text = native.read_private_file(path)
  end
  if not text or #text < SECRET_LEAST then return nil end
  return secrets_of(text, path, "broker", 2)
end

-- In the workers of a daemon: its secrets, which their tasks use where they name no others.
function broker.set_default_secrets(list) broker.default_secrets = list end

-- options: secret, secret_file; then the environment; then the user's own, where the server is on
-- this machine
function broker.secrets(options, settings, where)
  if options.secret ~= nil then
    expect(type(options.secret) == "string", where, "secret: a string expected, got " .. type(options.secret))
    return secrets_of(options.secret, "secret", where)
  end
  if options.secret_file ~= nil then
    expect(type(options.secret_file) == "string", where,
      "secret_file: a string expected, got " .. type(options.secret_file))
    return secrets_of_file(options.secret_file, where)
  end
  if broker.default_secrets then return broker.default_secrets end
  local text = native.environment("MANYMOONS_SECRET")
  if text and text ~= "" then return secrets_of(text, "MANYMOONS_SECRET", where) end
  local path = native.environment("MANYMOONS_SECRET_FILE")
  if path and path ~= "" then return secrets_of_file(path, where) end
  return settings.is_local and secrets_of_user() or {}
end

-- Names --------------------------------------------------------------------------------------------------------------

function broker.check_name(name, where)
  expect(type(name) == "string", where, "name: a string expected, got " .. type(name))
  expect(name:find("^[%w_.-]+$") and #name <= 64, where,
    "name: up to 64 letters, digits, '_', '.' and '-' expected, got '" .. name .. "'")
  return name
end

-- Names the Luas that run bytecode of this program: those of its version and build.
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

-- Options ------------------------------------------------------------------------------------------------------------

local POOL_OPTIONS = {
  broker = true, name = true, workers = true, initializer = true, initargs = true, timeout = true, retries = true,
  secret = true, secret_file = true, password_file = true, window = true, abi_wait = true,
}
local OF_WORKERS = { memory = true, libs = true, nice = true, maxtasksperchild = true, sandbox = true,
  cpus = true }

local function check_count(options, name, least)
  local value = options[name]
  expect(value == nil or (type(value) == "number" and value >= least and value % 1 == 0), "Pool",
    name .. ": a whole number, " .. least .. " or more, expected, got " .. checks.show(value))
end

local function check_seconds(options, name)
  local value = options[name]
  local seconds, why = checks.read_time_limit(value)
  expect(not why, "Pool", why and why:gsub("^timeout", name))
  return seconds
end

-- Pool{ broker =, name =, … } → the fields of a pool
function broker.read_pool(options)
  if options.seed ~= nil then
    checks.fail("Pool: seed: not for a pool on a broker, whose workers serve many programs")
  end
  if options.idle ~= nil then checks.fail("Pool: idle: not for a pool on a broker, whose workers come and go") end
  for name in pairs(options) do
    if OF_WORKERS[name] then
      checks.fail("Pool: " .. name .. ": is for `manymoons worker` to say, not for a pool on a broker")
    end
  end
  checks.check_options(options, POOL_OPTIONS, "Pool")
  check_count(options, "workers", 1)
  check_count(options, "retries", 0)
  check_count(options, "window", 1)
  local timeout, abi_wait = check_seconds(options, "timeout"), check_seconds(options, "abi_wait")
  expect(options.initializer == nil or checks.is_callable(options.initializer), "Pool",
    "initializer: a function expected, got " .. type(options.initializer))
  local args = options.initargs or {}
  expect(type(args) == "table", "Pool", "initargs: a list expected, got " .. type(args))
  local settings = broker.read_url(options.broker, "Pool", options.password_file)
  return {
    _settings = settings, _broker = settings.shown, _name = broker.check_name(options.name, "Pool"),
    _secrets = broker.secrets(options, settings, "Pool"), _wanted_size = options.workers,
    _initializer = options.initializer, _initargs = checks.arguments(args, "Pool", "initargs"),
    _timeout = timeout, _retries = options.retries or 2, _window = options.window or 1000,
    _abi_wait = options.abi_wait == nil and 30 or abi_wait or math.huge,
  }
end

return broker
