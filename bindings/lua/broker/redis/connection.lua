-- SPDX-License-Identifier: MIT
-- A connection to the server: commands, each with a function that gets its reply, and the server's scripts by name.
--
-- Nothing is sent again from here. When the connection breaks, what was under way is forgotten (the functions are not
-- called), `why` says what happened, and the owner, who knows what each command was about, opens it again and begins
-- anew.
local require, native = ...

local waits = require("core.waits")

local Connection = {}
Connection.__index = Connection

local connection = {}

local SEND_SECONDS, CONNECT_SECONDS = 10, 5
-- Looking this long for a reply is cheaper than to be woken by it.
local PATIENCE = 50e-6

local SCRIPTS = { "submit", "ack", "heartbeat", "nack", "cancel", "deregister", "put", "get", "release",
  "depth" }
local texts, digests = {}, {}

local function read_scripts()
  for _, name in ipairs(SCRIPTS) do texts[name] = native.embedded("broker.redis.scripts." .. name) end
end

function connection.text(name)
  if not next(texts) then read_scripts() end
  return texts[name]
end

-- scripts: the names of those that will be run over it
function connection.new(settings, poller, scripts)
  return setmetatable({ settings = settings, poller = poller, scripts = scripts, first = 1, last = 0, calls = {},
    arguments = {} }, Connection)
end

-- The server's names for its scripts come from itself, with the connection's first replies.
local function note_digest(name, digest) if digest then digests[name] = digest end end

function Connection.load_scripts(self)
  for _, name in ipairs(self.scripts) do self:send(note_digest, name, "SCRIPT", "LOAD", connection.text(name)) end
end

local function forget_calls(self)
  self.first, self.last, self.calls, self.arguments = 1, 0, {}, {}
end

-- All keys of a pool are on one node of a cluster, so whoever is told that they are elsewhere goes there for
-- everything; and asks where it asked first when that one is gone.
local function move(self, failure)
  local host, port = failure:match("^MOVED %d+ (.*):(%d+)$")
  if not host then return false end
  local settings = self.settings
  settings.first_address, settings.first_host =
    settings.first_address or settings.address, settings.first_host or settings.host
  if host ~= "" then settings.host = host end -- it may leave out its own
  settings.address = (settings.host:find(":", 1, true) and "[" .. settings.host .. "]" or settings.host) .. ":" .. port
  self:close("moved to " .. settings.address)
  return true
end

local function move_back(settings)
  settings.address, settings.host = settings.first_address or settings.address, settings.first_host or settings.host
end

-- true; or nil and why
function Connection.open(self, seconds)
  local link, why = native.link_open(self.settings, seconds or CONNECT_SECONDS)
  if not link then
    move_back(self.settings)
    return nil, why
  end
  self.link, self.why, self.opened = link, nil, native.time()
  forget_calls(self)
  if self.poller then self.poller:keep(link:fileno()) end
  self:load_scripts()
  return true
end

function Connection.close(self, why)
  if self.link then self.link:close() end
  self.link, self.why = nil, why or "closed"
  forget_calls(self)
end

-- on_reply(argument, reply, error); the command leaves with the next flush. False: the connection is broken.
local function note(self, on_reply, argument, ok, why)
  if not ok then
    self:close(why)
    return false
  end
  self.last = self.last + 1
  self.calls[self.last], self.arguments[self.last] = on_reply or false, argument
  return true
end

function Connection.send(self, on_reply, argument, ...)
  if not self.link then return false end
  return note(self, on_reply, argument, self.link:append(...))
end

function Connection.send_list(self, on_reply, argument, words)
  if not self.link then return false end
  return note(self, on_reply, argument, self.link:append_list(words))
end

-- script(on_reply, argument, name, number of keys, key, …, argument, …)
function Connection.script(self, on_reply, argument, name, ...)
  if not digests[name] then return self:send(on_reply, argument, "EVAL", connection.text(name), ...) end
  return self:send(on_reply, argument, "EVALSHA", digests[name], ...)
end

-- Commands without a reply yet.
function Connection.under_way(self) return self.last - self.first + 1 end

function Connection.flush(self)
  if not self.link then return false end
  local ok, why = self.link:flush(SEND_SECONDS)
  if not ok then self:close(why) end
  return ok
end

local function take_reply(self, reply, failure)
  local place = self.first
  local on_reply, argument = self.calls[place], self.arguments[place]
  self.first, self.calls[place], self.arguments[place] = place + 1, nil, nil
  if failure and failure:byte() == 77 and move(self, failure) then return end
  if on_reply then on_reply(argument, reply, failure) end
end

-- What has come; true if something did. Replies may send, close, and open again.
function Connection.read(self)
  local link = self.link
  if not link then return false end
  local got, why = link:pull()
  if got == false then return false end
  while self.link == link do
    local has_reply, reply, failure = link:next()
    if not has_reply then
      if has_reply == nil then self:close(reply) end
      break
    end
    take_reply(self, reply, failure)
  end
  if got == nil and self.link == link then self:close(why) end
  return true
end

-- Sleeps until one of the descriptors has something, or `seconds` are over. A task alone where there are tasks.
function connection.sleep_on(descriptors, seconds)
  local schedulers = waits.tasks
  if schedulers and schedulers.is_needed() then return schedulers.wait_any(descriptors, seconds, true) end
  return waits.any(descriptors, seconds, true, PATIENCE)
end

-- One command and its reply: the reply, or nil and why. On a connection that nobody else waits on.
function Connection.call(self, seconds, send, ...)
  local box = {}
  local function on_reply(_, reply, failure) box.is_done, box.reply, box.failure = true, reply, failure end
  local deadline = native.time() + seconds
  send(self, on_reply, nil, ...)
  self:flush()
  while not box.is_done do
    if not self.link then return nil, self.why end
    local left = deadline - native.time()
    if left <= 0 then
      self:close("timeout")
      return nil, "timeout"
    end
    self.sleepers = (self.sleepers or 0) + 1 -- another thread may read what this one waits for
    local most = self.sleepers > 1 and 0.01 or left
    local ok, stop = pcall(connection.sleep_on, { self.link:fileno() }, math.min(left, most))
    self.sleepers = self.sleepers - 1
    if not ok then error(stop, 0) end
    self:read()
  end
  if box.failure then return nil, box.failure end
  return box.reply
end

function Connection.ask(self, seconds, ...) return self:call(seconds, self.send, ...) end

-- What is known about the server: { version, is_durable, why } ; why: it cannot be used.
local OLDEST = 6.2

local function judge(info)
  local version = info:match("valkey_version:([%d.]+)") or info:match("redis_version:([%d.]+)")
  local policy = info:match("maxmemory_policy:(%S+)")
  local number = version and tonumber(version:match("^%d+%.%d+"))
  if number and number < OLDEST then return nil, "Redis " .. version .. " is too old: 6.2 or later is needed" end
  if policy and policy ~= "noeviction" then
    return nil, "the server evicts keys when memory is short (maxmemory-policy " .. policy ..
      "), which loses tasks; type: redis-cli config set maxmemory-policy noeviction"
  end
  return { version = version, is_durable = info:match("aof_enabled:(%d)") ~= "0" }
end

-- Opens it where the key is: true; or nil and why
function Connection.open_at(self, seconds, key)
  local opened, why = self:open(seconds)
  if not opened then return nil, why end
  self:ask(seconds, "EXISTS", key)
  if self.link then return true end
  if self.why:find("^moved") then return self:open(seconds) end
  return nil, self.why
end

-- A user who may not ask is believed.
function Connection.examine(self, seconds)
  local info, why = self:ask(seconds, "INFO")
  if not info and not self.link then return nil, why end
  return judge(info or "")
end

return connection
