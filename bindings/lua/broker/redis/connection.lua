-- SPDX-License-Identifier: MIT
-- A connection to a Redis or Valkey server: commands, each with a function that gets its reply, and
-- the scripts that run in the server, by name.
--
-- Nothing is sent again from here. When the connection breaks, what was under way is forgotten (the
-- functions are not called), `why` says what happened, and the owner opens it again and begins
-- anew.
local require, native = ...

local readers = require("broker.readers")

local Connection = {}
Connection.__index = Connection

local connection = {}

local SEND_SECONDS, CONNECT_SECONDS = 10, 5
local SCRIPTS = {
  "ack", "adopt", "again", "cancel", "depth", "deregister", "due", "edit", "enter", "finish", "fire", "forget",
  "get", "heartbeat", "hold", "move", "nack", "note", "outcome", "post", "put", "release", "retry", "schedule",
  "submit", "take", "token", "withdraw",
}
-- Files of scripts/ that stand before others.
local PLACES = { "places" }
local BEFORE = { again = { "places", "fields" }, edit = { "fields" }, finish = PLACES, move = PLACES, post = PLACES,
  schedule = PLACES, withdraw = PLACES }
local texts, digests = {}, {}

local function read_script(name) return native.embedded("broker.redis.scripts." .. name) end

local function read_scripts()
  for _, name in ipairs(SCRIPTS) do
    local parts = {}
    for i, before in ipairs(BEFORE[name] or {}) do parts[i] = read_script(before) end
    parts[#parts + 1] = read_script(name)
    texts[name] = table.concat(parts)
  end
end

function connection.text(name)
  if not next(texts) then read_scripts() end
  return texts[name]
end

-- What a failure is (broker/backend.lua).
local KINDS = {
  { "again", "^NOSCRIPT" },
  { "stale", "^READONLY", "^LOADING", "^MASTERDOWN" },
  { "refused", "^NOPERM", "^NOAUTH", "^AUTH", "^SELECT", "certificate", "needs lib" },
  { "later", "^OOM" },
}

function connection.kind_of(why)
  for _, row in ipairs(KINDS) do
    for i = 2, #row do
      if why:find(row[i]) then return row[1] end
    end
  end
  return "failed"
end

-- scripts: the names of those that will be run over it
function connection.new(settings, poller, scripts)
  return setmetatable({ settings = settings, poller = poller, scripts = scripts, first = 1, last = 0, calls = {},
    arguments = {}, readers = {} }, Connection)
end

-- The server's names for its scripts come from itself, with the connection's first replies.
local function note_digest(name, digest) if digest then digests[name] = digest end end

local function load_scripts(self)
  self.needs_scripts = false
  for _, name in ipairs(self.scripts) do self:send(note_digest, name, "SCRIPT", "LOAD", connection.text(name)) end
end

local function forget_calls(self)
  self.first, self.last, self.calls, self.arguments = 1, 0, {}, {}
end

-- All keys of a pool are on one node of a cluster. A connection that learns where they are goes
-- there for everything; when that node is gone it goes back to the address of the URL.
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
  local handle, why = native.redis_open(self.settings, seconds or CONNECT_SECONDS)
  if not handle then
    move_back(self.settings)
    return nil, why
  end
  self.handle, self.why, self.opened = handle, nil, native.time()
  forget_calls(self)
  if self.poller then self.poller:keep(handle:fileno()) end
  load_scripts(self)
  return true
end

function Connection.close(self, why)
  if self.handle then self.handle:close() end
  self.handle, self.why = nil, why or "closed"
  forget_calls(self)
  readers.wake(self.readers)
end

-- on_reply(argument, reply, error); the command leaves with the next flush. False: the connection
-- is broken.
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
  if not self.handle then return false end
  return note(self, on_reply, argument, self.handle:append(...))
end

function Connection.send_list(self, on_reply, argument, words)
  if not self.handle then return false end
  return note(self, on_reply, argument, self.handle:append_list(words))
end

-- script(on_reply, argument, name, number of keys, key, …, argument, …)
function Connection.script(self, on_reply, argument, name, ...)
  if not digests[name] then return self:send(on_reply, argument, "EVAL", connection.text(name), ...) end
  return self:send(on_reply, argument, "EVALSHA", digests[name], ...)
end

-- The same with any number of words; it takes the list.
function Connection.script_list(self, on_reply, argument, name, words)
  table.insert(words, 1, digests[name] or connection.text(name))
  table.insert(words, 1, digests[name] and "EVALSHA" or "EVAL")
  return self:send_list(on_reply, argument, words)
end

-- Commands without a reply yet.
function Connection.under_way(self) return self.last - self.first + 1 end

function Connection.flush(self)
  if not self.handle then return false end
  local ok, why = self.handle:flush(SEND_SECONDS)
  if not ok then self:close(why) end
  return ok
end

local function take_reply(self, reply, failure)
  local place = self.first
  local on_reply, argument = self.calls[place], self.arguments[place]
  self.first, self.calls[place], self.arguments[place] = place + 1, nil, nil
  if failure and failure:byte() == 77 and move(self, failure) then return end -- "M"
  if failure and failure:find("^NOSCRIPT") then self.needs_scripts = true end
  if on_reply then on_reply(argument, reply, failure) end
end

-- What has come; true if something did. Replies may send, close, and open again.
function Connection.read(self)
  local handle = self.handle
  if not handle then return false end
  local got, why = handle:pull()
  if got == false then return false end
  while self.handle == handle do
    local has_reply, reply, failure = handle:next()
    if not has_reply then
      if has_reply == nil then self:close(reply) end
      break
    end
    take_reply(self, reply, failure)
  end
  if got == nil and self.handle == handle then self:close(why) end
  readers.wake(self.readers)
  if self.needs_scripts and self.handle then load_scripts(self) end
  return true
end

-- Reads until is_done(): true; or nil and why. When it was closed meanwhile, and opened again by another thread,
-- nothing comes any more.
function Connection.await(self, seconds, is_done)
  local deadline, handle = native.time() + seconds, self.handle
  self:flush()
  while not is_done() do
    if not self.handle or self.handle ~= handle then return nil, self.why or "closed" end
    local left = deadline - native.time()
    if left <= 0 then
      self:close("timeout")
      return nil, "timeout"
    end
    readers.sleep(self.readers, handle:fileno(), left)
    self:read()
  end
  return true
end

-- One command and its reply: the reply, or nil and why.
function Connection.call(self, seconds, send, ...)
  local box = {}
  local function on_reply(_, reply, failure) box.is_done, box.reply, box.failure = true, reply, failure end
  send(self, on_reply, nil, ...)
  local has_come, why = self:await(seconds, function() return box.is_done end)
  if not has_come then return nil, why end
  if box.failure then return nil, box.failure end
  return box.reply
end

function Connection.ask(self, seconds, ...) return self:call(seconds, self.send, ...) end

-- Opens it where the key is: true; or nil and why
function Connection.open_at(self, seconds, key)
  local opened, why = self:open(seconds)
  if not opened then return nil, why end
  self:ask(seconds, "EXISTS", key)
  if self.handle then return true end
  if self.why:find("^moved to ") then return self:open(seconds) end
  return nil, self.why
end

return connection
