-- SPDX-License-Identifier: MIT
-- What all sessions with a Redis server are made of: two connections. Over `talker` go commands
-- that are answered at once, over `waiter` one command at a time that waits. When either breaks
-- both are closed.
local require, native = ...

local connection = require("broker.redis.connection")
local keys = require("broker.redis.keys")
local letters = require("broker.redis.letters")
local posted = require("broker.redis.posted")
local upkeep = require("broker.redis.upkeep")

local time = native.time

local Session = {}
Session.__index = Session

local session = { Session = Session }

local STALL = 10
local OLDEST = 6.2

-- about: name, poller (nil: none); scripts: those that run over the talker; waiter_scripts: over
-- the waiter
function session.new(class, settings, about, scripts, waiter_scripts)
  return setmetatable({
    settings = settings, key = keys.key_of(about.name), about = about,
    talker = connection.new(settings, about.poller, scripts or {}),
    waiter = connection.new(settings, about.poller, waiter_scripts or {}),
  }, class)
end

function Session.open(self, seconds)
  local opened, why = self.talker:open(seconds)
  if opened then opened, why = self.waiter:open(seconds) end
  if not opened then
    self:close(why)
    return nil, why, connection.kind_of(why)
  end
  self.talking_since, self.waiting_since, self.trouble = nil, nil, nil
  return true
end

function Session.close(self, why)
  self.talker:close(why)
  self.waiter:close(why)
end

-- From here on the waiter has `seconds` to answer.
function Session.begin_to_wait(self, seconds) self.waiting_since, self.waiting_seconds = time(), seconds end
function Session.end_wait(self) self.waiting_since = nil end

-- A reply that no other connection would make better.
function Session.note_trouble(self, failure) self.trouble = self.trouble or failure end

local function failure_of(self)
  local talker, waiter, now = self.talker, self.waiter, time()
  self.talking_since = talker:under_way() > 0 and (self.talking_since or now) or nil
  local is_stalled = (self.talking_since and now - self.talking_since > STALL)
    or (self.waiting_since and now - self.waiting_since > self.waiting_seconds + STALL)
  if talker.handle and waiter.handle and not self.trouble and not is_stalled then return nil end
  return self.trouble or talker.why or waiter.why or "no answer"
end

function Session.read(self)
  local has_talked = self.talker:read()
  if has_talked then self.talking_since = nil end
  local has_read = self.waiter:read() or has_talked
  local failure = failure_of(self)
  if failure then return nil, failure, connection.kind_of(failure) end
  return has_read
end

function Session.flush(self)
  self.talker:flush()
  self.waiter:flush()
end

function Session.await(self, seconds, is_done) return self.talker:await(seconds, is_done) end

-- The server ---------------------------------------------------------------------------------------------------------

local function judge(info)
  local version = info:match("valkey_version:([%d.]+)") or info:match("redis_version:([%d.]+)")
  local policy = info:match("maxmemory_policy:(%S+)")
  local number = version and tonumber(version:match("^%d+%.%d+"))
  if number and number < OLDEST then return nil, "Redis " .. version .. " is too old: 6.2 or later is needed" end
  if policy and policy ~= "noeviction" then
    return nil, "the server evicts keys when memory is short (maxmemory-policy " .. policy ..
      "), which loses tasks; type: redis-cli config set maxmemory-policy noeviction"
  end
  return { is_durable = info:match("aof_enabled:(%d)") ~= "0" }
end

-- A server whose ACL forbids the question is taken as suitable.
function Session.examine(self, seconds)
  local opened, why = self.talker:open_at(seconds, self.key .. "q")
  if not opened then return nil, why, connection.kind_of(why) end
  local info
  info, why = self.talker:ask(seconds, "INFO")
  local is_lost = not self.talker.handle
  self.talker:close()
  if not info and is_lost then return nil, why, "stale" end
  local facts
  facts, why = judge(info or "")
  return facts, why, not facts and "refused" or nil
end

for _, functions in ipairs({ letters, posted.Session, upkeep }) do
  for name, f in pairs(functions) do Session[name] = f end
end

-- What can be seen of a pool -----------------------------------------------------------------------------------------

function Session.workers(self, on_workers)
  local key, talker = self.key, self.talker
  talker:send(function(_, names)
    if type(names) ~= "table" or #names == 0 then return on_workers({}, {}) end
    local words = { "MGET" }
    for _, name in ipairs(names) do words[#words + 1] = key .. "w:" .. name end
    talker:send_list(function(_, texts) on_workers(names, texts or {}) end, nil, words)
    talker:flush()
  end, nil, "ZRANGE", key .. "w", "0", "-1")
end

local SCANS_MOST, SCANNED = 1000, "1000"

-- The names of the pools that have workers, tasks or dead letters on the server, in order: a look through all its keys,
-- of which a million is the most.
function Session.pools(self)
  local found, names, cursor = {}, {}, "0"
  for _ = 1, SCANS_MOST do
    local reply, why = self.talker:ask(STALL, "SCAN", cursor, "MATCH", "manymoons:{*}:*", "COUNT", SCANNED)
    if not reply then return nil, why end
    for _, key in ipairs(reply[2]) do
      local name, rest = key:match("^manymoons:{([%w_.-]+)}:(%l+)")
      if name and (rest == "q" or rest == "w" or rest == "dead") then found[name] = true end
    end
    cursor = reply[1]
    if cursor == "0" then break end
  end
  for name in pairs(found) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- What was not delivered is behind the last entry that was.
local function add_depth(talker, stream, now, sum)
  local length, why = talker:ask(STALL, "XLEN", stream)
  if not length then return nil, why end
  local pending
  pending, why = talker:ask(STALL, "XPENDING", stream, "g")
  if not pending and not talker.handle then return nil, why end
  local running = pending and tonumber(pending[1]) or 0
  local oldest = {}
  if length > running then
    oldest, why = talker:ask(STALL, "XRANGE", stream, running > 0 and "(" .. pending[3] or "-", "+", "COUNT", "1")
    if not oldest then return nil, why end
  end
  local wait = oldest[1] and now - tonumber(oldest[1][1]:match("^%d+")) / 1000 or 0
  sum.waiting, sum.running = sum.waiting + math.max(0, length - running), sum.running + running
  sum.oldest = math.max(sum.oldest, wait)
  return true
end

-- The streams of these Luas, of the highest priority first; nil and why
function Session.streams(self, abis)
  local levels, why = self.talker:ask(STALL, "SMEMBERS", keys.levels_of(self.key))
  return levels and keys.streams_of(self.key, abis, levels), why
end

function Session.depth(self, abis)
  local clock, why = self.talker:ask(STALL, "TIME")
  if not clock then return nil, why end
  local sum, now = { waiting = 0, running = 0, oldest = 0 }, tonumber(clock[1]) + tonumber(clock[2]) / 1e6
  sum.dead, why = self.talker:ask(STALL, "XLEN", self.key .. "dead")
  if not sum.dead then return nil, why end
  local all = { "" }
  for i, abi in ipairs(abis) do all[i + 1] = abi end
  local streams
  streams, why = self:streams(all)
  for _, stream in ipairs(streams or {}) do
    local is_added
    is_added, why = add_depth(self.talker, stream, now, sum)
    if not is_added then return nil, why end
  end
  if not streams then return nil, why end
  return self:add_due(sum, all)
end

return session
