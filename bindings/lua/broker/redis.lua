-- SPDX-License-Identifier: MIT
-- A Redis or Valkey server as a broker (broker/backend.lua). This file and those in redis/ alone
-- know its commands.
--
--   redis/connection.lua  commands and their replies, over a connection (vm/redis/connection.h)
--   redis/keys.lua        the names of keys
--   redis/entries.lua     entries of streams as tasks
--   redis/session.lua     two connections, and what `manymoons pool` shows
--   redis/posted.lua      posted tasks and schedules, as programs see them
--   redis/letters.lua     dead letters
--   redis/upkeep.lua      what operators do
--   redis/client.lua      submits tasks, reads results
--   redis/worker.lua      fetches tasks, gives outcomes back
--   redis/queue.lua       items
--   redis/lease.lua       what a worker, or a JoinableQueue, holds
--   redis/scripts/*.lua   run in the server, one step each
local require = ...

local checks = require("core.checks")
local connection = require("broker.redis.connection")
local client = require("broker.redis.client")
local queue = require("broker.redis.queue")
local session = require("broker.redis.session")
local worker = require("broker.redis.worker")

local redis = { Client = client, Worker = worker, Queue = queue }

-- Settings -----------------------------------------------------------------------------------------------------------

-- redis://[user[:password]@]host[:port][/database], rediss:// with TLS,
-- unix://[user:password@]/path[?db=n]
local OPTIONS = { ca = true, cert = true, key = true, db = true, durability = true }
local LOOPBACK = { localhost = true, ["::1"] = true }

local function check_options(options, refuse)
  for name in pairs(options) do
    if not OPTIONS[name] then refuse("unknown option " .. checks.guess(name, OPTIONS)) end
  end
  local durability = options.durability
  if durability and not durability:find("^wait%d$") then refuse("durability: 'wait1' and the like expected") end
end

local function read_host(place, refuse)
  local host, port = place:match("^(%[[%x:.]+%]):?(%d*)$")
  if not host then host, port = place:match("^([^:]*):?(%d*)$") end
  if not host then refuse("'host:port' expected") end
  if host == "" then host = "localhost" end
  if port == "" then port = "6379" end
  if tonumber(port) > 65535 then refuse("a port from 0 to 65535 expected, got " .. port) end
  return host:gsub("^%[(.*)%]$", "%1"), host .. ":" .. port
end

local function read_place(url, settings, refuse)
  local database = url.options.db or "0"
  if url.scheme == "unix" then
    settings.address, settings.host, settings.is_local = url.unescape(url.place), "localhost", true
    if settings.address == "" then refuse("the path of a socket expected") end
    return database
  end
  local host, path = url.place:match("^([^/]*)/?(.*)$")
  settings.host, settings.address = read_host(host, refuse)
  settings.is_local = LOOPBACK[settings.host] or settings.host:find("^127%.") ~= nil
  return path ~= "" and path or database
end

-- → the settings of a connection (broker/redis_connection.c), and `wait`: how many replicas have to confirm
function redis.read_url(url, refuse)
  local options = url.options
  check_options(options, refuse)
  local settings = {
    user = url.user, password = url.password, ca = options.ca or "", cert = options.cert or "",
    key = options.key or "", is_encrypted = url.scheme == "rediss", name = "manymoons",
    wait = options.durability and options.durability:match("%d") or nil,
  }
  if url.user ~= "" and url.password == "" then settings.user, settings.password = "", url.user end
  local database = read_place(url, settings, refuse)
  if not database:find("^%d%d?%d?$") then refuse("the number of a database expected, got '" .. database .. "'") end
  settings.database = tonumber(database)
  return settings
end

-- Inspector ----------------------------------------------------------------------------------------------------------

local Inspector = setmetatable({}, { __index = session.Session })
Inspector.__index = Inspector
redis.Inspector = Inspector

function Inspector.new(settings, about) return session.new(Inspector, settings, about) end

-- It waits for nothing, and needs no second connection.
function Inspector.open(self, seconds)
  local opened, why = self.talker:open_at(seconds, self.key .. "q")
  if opened then return true end
  return nil, why, connection.kind_of(why)
end

return redis
