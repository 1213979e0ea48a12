-- SPDX-License-Identifier: MIT
-- The session of a client (broker/backend.lua): over the waiter goes one read of its stream of
-- results.
local require, native = ...

local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")
local session = require("broker.redis.session")
local connection = require("broker.redis.connection")

local time = native.time

local Session = session.Session
local Client = setmetatable({}, { __index = Session })
Client.__index = Client

local LIFE_MS = "3600000" -- of what the server keeps for a client that is silent
local LIFE_SECONDS, RENEW_SECONDS = "3600", 900 -- of functions that it holds
local BLOCK = 5
local AT_ONCE = "512" -- results in one reply

-- taken: the entry's id, or "done"
local function verdict_of(id, failure)
  if failure then return connection.kind_of(failure), failure end
  if id == "GAP" then return "gap", "the server has forgotten tasks" end
  if id == "FULL" then return "later", "the stream is full" end
  return "taken"
end

function Client.new(settings, about)
  local self = session.new(Client, settings, about, { "submit", "cancel", "hold", "forget", "post", "schedule" })
  local key = self.key
  self.streams = { [""] = keys.stream_of(key, ""), [about.abi] = keys.stream_of(key, about.abi) }
  self.open_key, self.results_key = key .. "o:" .. about.client, key .. "r:" .. about.client
  self.held, self.dropped = {}, {} -- names of functions: true; what the server does not know yet
  self.note_submitted = function(task, id, failure) about.on_submitted(task, verdict_of(id, failure)) end
  return self
end

function Client.open(self, seconds)
  self.sent, self.has_submitted, self.renewed_at = {}, false, time()
  self.is_reading, self.is_caught_up, self.last_result, self.trimmed = false, false, "0-0", "0-0"
  return Session.open(self, seconds)
end

-- Tasks --------------------------------------------------------------------------------------------------------------

function Client.state(self, on_state)
  self.talker:send(function(_, reply, failure)
    if failure then return on_state(nil, {}, failure, connection.kind_of(failure)) end
    local is_open, high = {}, 0
    for i = 1, #reply, 2 do
      if reply[i] == "hw" then high = tonumber(reply[i + 1]) else is_open[tonumber(reply[i])] = true end
    end
    on_state(high, is_open)
  end, nil, "HGETALL", self.open_key)
end

local function note_function(at, reply, failure)
  if failure or reply == 0 then at.session.sent[at.name] = nil end
end

local function hold(self, name, text)
  local key, holders = keys.keys_of_function(self.key, name)
  self.talker:script(note_function, { session = self, name = name }, "hold", "2", key, holders, self.about.client,
    LIFE_SECONDS, text)
end

-- Before the first task that needs it, in each connection's life.
local function send_function(self, name, text)
  self.held[name], self.dropped[name] = true, nil
  if self.sent[name] then return end
  self.sent[name] = true
  hold(self, name, text)
end

-- The server hears of it with the next flush.
function Client.forget(self, name)
  if not self.held[name] then return end
  self.held[name], self.sent[name], self.dropped[name] = nil, nil, true
end

local function forget(self, names)
  local words = { "EVAL", connection.text("forget"), "0" }
  for name in pairs(names) do
    words[#words + 1], words[#words + 2] = keys.keys_of_function(self.key, name)
  end
  words[3], words[#words + 1] = tostring(#words - 3), self.about.client
  self.talker:send_list(nil, nil, words)
end

function Client.submit(self, task, before, functions)
  for name, text in pairs(functions) do send_function(self, name, text) end
  self.talker:script(self.note_submitted, task, "submit", "2", self.streams[task.abi], self.open_key, before, task.seq,
    "0", LIFE_MS, "c", task.client, "s", task.seq, "n", "0", "f", task.func, "i", task.init, "x", task.flags, "b",
    task.body, "m", task.mac)
  self.has_submitted = true
end

-- Once for all that was submitted since, and no longer than 100 ms.
function Client.flush(self)
  if next(self.dropped) and self.talker.handle then
    forget(self, self.dropped)
    self.dropped = {}
  end
  if self.has_submitted and self.settings.wait then
    self.talker:send(nil, nil, "WAIT", self.settings.wait, "100")
  end
  self.has_submitted = false
  Session.flush(self)
end

function Client.cancel(self, seq)
  self.talker:script(nil, nil, "cancel", "3", self.open_key, self.streams[""], self.streams[self.about.abi], seq)
end

-- Results ------------------------------------------------------------------------------------------------------------

local function note_results(self, reply, failure)
  self.is_reading = false
  self:end_wait()
  if failure then return self:note_trouble(failure) end
  local handle, on_result = self.waiter.handle, self.about.on_result
  local found = reply and reply[1] and reply[1][2] or {}
  if #found == 0 then self.is_caught_up = true end
  for i = 1, #found do
    if self.waiter.handle ~= handle then return end -- a result has ended the pool
    local fields = entries.fields_of(found[i][2])
    self.last_result = found[i][1]
    on_result(fields.s or "", fields.k or "", fields.v or "", fields.m or "")
  end
end

-- Until it has caught up it asks without waiting, so that the end of what there is shows.
function Client.results(self)
  if self.is_reading then return end
  local waiter, results = self.waiter, self.results_key
  if self.last_result ~= self.trimmed then
    waiter:send(nil, nil, "XTRIM", results, "MINID", self.last_result)
    self.trimmed = self.last_result
  end
  self.is_reading = true
  self:begin_to_wait(BLOCK)
  if self.is_caught_up then
    waiter:send(note_results, self, "XREAD", "COUNT", AT_ONCE, "BLOCK", tostring(BLOCK * 1000), "STREAMS", results,
      self.last_result)
  else
    waiter:send(note_results, self, "XREAD", "COUNT", AT_ONCE, "STREAMS", results, self.last_result)
  end
end

-- Over the waiter, where the next read of results comes after the answer.
function Client.is_open(self, seq, on_answer)
  self.is_caught_up = false
  self.waiter:send(function(_, reply) on_answer(reply and reply == 1) end, nil, "HEXISTS", self.open_key, seq)
end

-- Life ---------------------------------------------------------------------------------------------------------------

function Client.heartbeat(self, on_known)
  self.talker:send(function(_, reply, failure)
    on_known(reply == 1, failure)
  end, nil, "PEXPIRE", self.open_key, LIFE_MS)
  self.talker:send(nil, nil, "PEXPIRE", self.results_key, LIFE_MS)
  if time() < self.renewed_at + RENEW_SECONDS then return end
  self.renewed_at = time()
  for name in pairs(self.held) do hold(self, name, "") end
end

function Client.deregister(self, seconds)
  local talker = self.talker
  if not talker.handle then return end
  talker:send(nil, nil, "DEL", self.results_key)
  for name in pairs(self.held) do self.dropped[name] = true end
  if next(self.dropped) then forget(self, self.dropped) end
  talker:call(seconds, talker.script, "cancel", "3", self.open_key, self.streams[""], self.streams[self.about.abi])
end

return Client
