-- SPDX-License-Identifier: MIT
-- What operators do with a pool on a Redis server (broker/backend.lua): pausing it, and ending what
-- waits.
local require = ...

local codec = require("broker.codec")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")
local posted = require("broker.redis.posted")

local STALL, AT_ONCE = 10, 100
local LIFE_MS, SIGNED = "3600000", tostring(codec.SIGNED_SECONDS)

local Session = {}

function Session.pause(self, is_paused)
  local key = keys.pause_of(self.key)
  local reply, why
  if is_paused then
    reply, why = self.talker:ask(STALL, "SET", key, "1")
  else
    reply, why = self.talker:ask(STALL, "DEL", key)
  end
  if not reply then return nil, why end
  return true
end

-- Adds how many tasks are due later, how many wait for a place, and whether the pool is paused.
function Session.add_due(self, sum, abis)
  local count, why
  sum.due = 0
  for _, abi in ipairs(abis) do
    count, why = self.talker:ask(STALL, "ZCARD", keys.due_of(self.key, abi))
    if not count then return nil, why end
    sum.due = sum.due + count
  end
  sum.held, why = self.talker:ask(STALL, "ZCARD", keys.held_of(self.key))
  if not sum.held then return nil, why end
  local is_paused
  is_paused, why = self.talker:ask(STALL, "EXISTS", keys.pause_of(self.key))
  if not is_paused then return nil, why end
  sum.paused = is_paused == 1
  return sum
end

-- Where tasks without an outcome are, those of these Luas: streams, and sets of posted tasks that come later.
function Session.places(self, abis)
  local streams, why = self:streams(abis)
  if not streams then return nil, why end
  local places = {}
  for i, stream in ipairs(streams) do places[i] = { stream = stream } end
  for _, abi in ipairs(abis) do places[#places + 1] = { set = keys.due_of(self.key, abi) } end
  places[#places + 1] = { set = keys.held_of(self.key) }
  return places
end

-- The end of what was delivered; "-": nothing was
local function undelivered(self, stream)
  local pending, why = self.talker:ask(STALL, "XPENDING", stream, "g")
  if not pending and not self.talker.handle then return nil, why end
  return pending and tonumber(pending[1]) > 0 and "(" .. pending[3] or "-"
end

local function tasks_of_stream(self, stream, from, with_running)
  local why, found
  if not from then
    from = "-"
    if not with_running then from, why = undelivered(self, stream) end
    if not from then return nil, why end
  end
  found, why = self.talker:ask(STALL, "XRANGE", stream, from, "+", "COUNT", tostring(AT_ONCE))
  if not found then return nil, why end
  local list = {}
  for _, entry in ipairs(found) do
    if entry[2][1] ~= "w" then
      local task = entries.task_of(entry[2])
      task.entry, task.stream, task.may_run = entry[1], stream, with_running
      list[#list + 1] = task
    end
  end
  return list, found[1] and "(" .. found[#found][1]
end

-- From the last one to the first, whose places stay as they are when later ones go.
local function tasks_of_set(self, set, rest)
  local why, names
  if not rest then
    rest, why = self.talker:ask(STALL, "ZCARD", set)
    if not rest then return nil, why end
  end
  if rest == 0 then return {} end
  local first = math.max(0, rest - AT_ONCE)
  names, why = self.talker:ask(STALL, "ZRANGE", set, tostring(first), tostring(rest - 1))
  if not names then return nil, why end
  local list = {}
  for i, name in ipairs(names) do
    local task = codec.task_named(name)
    local about
    about, why = self.talker:ask(STALL, "HMGET", keys.record_of(self.key, task), "=f", "=l", "=j")
    if not about then return nil, why end
    task.func, task.label, task.is_later = about[1] or "", about[2] or "", true
    if about[3] then entries.add_foreign(task, about[3]) end
    list[i] = task
  end
  return list, first > 0 and first or nil
end

-- Tasks of a place, and where the next ones begin (nil: there are no more); with_running: also those that a worker has
function Session.tasks_at(self, place, from, with_running)
  if place.stream then return tasks_of_stream(self, place.stream, from, with_running) end
  return tasks_of_set(self, place.set, from)
end

local function end_posted(self, task, outcome, ms)
  local talker = self.talker
  if task.json then
    talker:call(STALL, talker.script, "adopt", "1", keys.record_of(self.key, task), task.entry, task.seq,
      posted.due_text(task), posted.limit_digest(task))
  end
  local what, why = self:withdraw(task, outcome, ms)
  local is_copy = what and what ~= "cancelled" and not task.may_run
  if is_copy then talker:ask(STALL, "XDEL", task.stream, task.entry) end
  return what, why
end

-- Gives a task an outcome, and takes it out.
function Session.end_task(self, task, outcome, ms)
  if task.is_later then return self:withdraw(task, outcome, ms) end
  if codec.is_posted(task) then return end_posted(self, task, outcome, ms) end
  local talker, key = self.talker, self.key
  if not codec.is_named(task) then return talker:ask(STALL, "XDEL", task.stream, task.entry) end
  local bits, bit = keys.bit_of(key, task)
  return talker:call(STALL, talker.script, "ack", "5", task.stream, key .. "o:" .. task.client,
    key .. "r:" .. task.client, key .. "dead", bits, task.entry, task.seq, LIFE_MS, outcome.kind, outcome.payload,
    outcome.mac, "", "", "0", bit, SIGNED)
end

return Session
