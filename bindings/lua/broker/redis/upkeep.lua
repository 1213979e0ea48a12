-- SPDX-License-Identifier: MIT
-- What operators do with a pool on a Redis server (broker/backend.lua): pausing it, and ending what
-- waits.
local require = ...

local codec = require("broker.codec")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")
local posted = require("broker.redis.posted")

local STALL = 10
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

-- Adds how many tasks are due later, and whether the pool is paused.
function Session.add_due(self, sum, abis)
  sum.due = 0
  for i = 0, #abis do
    local count, why = self.talker:ask(STALL, "ZCARD", keys.due_of(self.key, i == 0 and "" or abis[i]))
    if not count then return nil, why end
    sum.due = sum.due + count
  end
  local is_paused, why = self.talker:ask(STALL, "EXISTS", keys.pause_of(self.key))
  if not is_paused then return nil, why end
  sum.paused = is_paused == 1
  return sum
end

-- Tasks of one Lua that no worker has yet: a list of at most so many.
function Session.waiting(self, abi, most)
  local talker, stream = self.talker, keys.stream_of(self.key, abi)
  local pending, why = talker:ask(STALL, "XPENDING", stream, "g")
  if not pending and not talker.handle then return nil, why end
  local first = pending and tonumber(pending[1]) > 0 and "(" .. pending[3] or "-"
  local found
  found, why = talker:ask(STALL, "XRANGE", stream, first, "+", "COUNT", tostring(most))
  if not found then return nil, why end
  local list = {}
  for i, entry in ipairs(found) do
    list[i] = entries.task_of(entry[2])
    list[i].id, list[i].stream = entry[1], stream
  end
  return list
end

-- The names of posted tasks of one Lua that are due later: a list of at most so many.
function Session.due_later(self, abi, most)
  return self.talker:ask(STALL, "ZRANGE", keys.due_of(self.key, abi), "0", tostring(most - 1))
end

local function end_posted(self, task, outcome, ms)
  local talker = self.talker
  if task.json then
    talker:call(STALL, talker.script, "adopt", "1", keys.record_of(self.key, task), task.id, task.seq,
      posted.due_text(task))
  end
  local what, why = self:withdraw(task, outcome, ms)
  if what ~= "cancelled" and what then return talker:ask(STALL, "XDEL", task.stream, task.id) end -- a copy
  return what, why
end

-- Gives a task that waits an outcome, and takes it out.
function Session.end_waiting(self, task, outcome, ms)
  if codec.is_posted(task) then return end_posted(self, task, outcome, ms) end
  local talker, key = self.talker, self.key
  if not codec.is_named(task) then return talker:ask(STALL, "XDEL", task.stream, task.id) end
  local bits, bit = keys.bit_of(key, task)
  return talker:call(STALL, talker.script, "ack", "5", task.stream, key .. "o:" .. task.client,
    key .. "r:" .. task.client, key .. "dead", bits, task.id, task.seq, LIFE_MS, outcome.kind, outcome.payload,
    outcome.mac, "", "", "0", bit, SIGNED)
end

return Session
