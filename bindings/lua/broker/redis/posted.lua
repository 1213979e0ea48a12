-- SPDX-License-Identifier: MIT
-- Posted tasks on a Redis server (broker/backend.lua): their keys, and what programs do with them. A
-- posted task belongs to no client: its record says where it is, and keeps its outcome.
local require, native = ...

local codec = require("broker.codec")
local connection = require("broker.redis.connection")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")

local posted = {}

local STALL, BLOCK, UNSEEN = 10, 5, 0.1
local WAKE = "10000" -- milliseconds: workers look at least every five seconds by themselves
local time = native.time

-- When it is due, for scripts.
function posted.due_text(task)
  if task.at then return string.format("@%.0f", task.at * 1000) end
  return string.format("%.0f", (task.delay or 0) * 1000)
end

-- Of the limit to how many run at once; "": it has none.
function posted.limit_digest(task)
  local _, digest = codec.read_limit(task.limit)
  return digest
end

local function failed(talker, why) return nil, why, talker.handle and connection.kind_of(why) or "stale" end

local Session = {}
posted.Session = Session

-- task.at (a Unix time) or task.delay (seconds); true, or the name of the task that holds the key of its own;
-- or nil, why and kind. It may be called again.
function Session.post(self, task)
  local talker, key = self.talker, self.key
  local words = {
    "7", keys.record_of(key, task), keys.stream_of(key, task.abi, task.priority), keys.due_of(key, task.abi),
    keys.unique_of(key, task), keys.levels_of(key), keys.stream_of(key, task.abi), keys.registry_of(key),
    codec.name_of(task), task.seq, task.abi, posted.due_text(task), WAKE, task.unique, task.priority,
    posted.limit_digest(task),
  }
  entries.append(words, task)
  local reply, why = talker:call(STALL, talker.script_list, "post", words)
  if not reply then return failed(talker, why) end
  if self.settings.wait then talker:ask(STALL, "WAIT", self.settings.wait, "100") end
  return reply:match("^=(.*)$") or true
end

-- One that came as JSON has no record before a worker saw it, and nothing wakes those that wait for that.
function Session.outcome(self, task, seconds)
  local talker, key, deadline = self.talker, self.key, time() + seconds
  while true do
    local left = math.min(deadline - time(), BLOCK)
    local found, why = talker:call(STALL, talker.script, "outcome", "1", keys.record_of(key, task), task.seq,
      left > 0 and "1" or "0")
    if not found then return failed(talker, why) end
    local is_unseen = not found[1] and task.seq == "0"
    if (found[1] ~= "open" and not is_unseen) or left <= 0 then return found end
    if is_unseen then left = math.min(left, UNSEEN) end
    local _, trouble = talker:ask(left + STALL, "BLPOP", keys.mail_of(key, task), string.format("%.3f", left))
    if not talker.handle then return failed(talker, trouble) end
  end
end

local function place_of(self, task, id, abi, level)
  local talker, stream = self.talker, keys.stream_of(self.key, abi, level)
  if id == "held" then return { state = "held" } end
  if id == "due" then
    local at, why = talker:ask(STALL, "ZSCORE", keys.due_of(self.key, abi), codec.name_of(task))
    if not at and why then return nil, why end
    return { state = "due", at = at and tonumber(at) / 1000 }
  end
  local pending, why = talker:ask(STALL, "XPENDING", stream, "g", id, id, "1")
  if not pending and not talker.handle then return nil, why end
  local one = pending and pending[1]
  return { state = one and "running" or "waiting", worker = one and one[2] or nil }
end

-- What is known of a task.
function Session.find(self, task)
  local found, why = self.talker:ask(STALL, "HMGET", keys.record_of(self.key, task), task.seq, "a", "p", "pg", "lg",
    "k", "v", "end")
  if not found then return failed(self.talker, why) end
  local about = {}
  if found[1] then
    about, why = place_of(self, task, found[1], found[2] or "", found[3])
    if not about then return failed(self.talker, why) end
  elseif found[6] or found[8] then
    about = { state = "ended", kind = found[6], payload = found[7] }
  end
  about.progress, about.lines = found[4], found[5] or ""
  return about
end

-- next_after(now) → the time of the first run after it, in seconds since 1970. → that of the next run
function Session.schedule(self, s, next_after)
  local talker, key = self.talker, self.key
  local clock, why = talker:ask(STALL, "TIME")
  if not clock then return failed(talker, why) end
  local at
  if s.priority ~= "" then
    local is_known
    is_known, why = talker:ask(STALL, "SADD", keys.levels_of(key), s.priority)
    if not is_known then return failed(talker, why) end
  end
  at, why = talker:call(STALL, talker.script, "schedule", "4", keys.schedules_of(key),
    keys.schedule_of(key, s.name), keys.stream_of(key, ""), keys.registry_of(key), s.name,
    string.format("%.0f", next_after(tonumber(clock[1])) * 1000), s.version, s.cron, WAKE, "up", s.catchup,
    "f", s.func, "i", s.init, "x", s.flags, "b", s.body, "m", s.mac, "l", s.label, "a", s.abi, "p", s.priority,
    "k", s.limit)
  if not at then return failed(talker, why) end
  return tonumber(at) / 1000
end

-- Whether there was one.
function Session.unschedule(self, name)
  local talker, key = self.talker, self.key
  local had, why = talker:call(STALL, talker.script, "schedule", "4", keys.schedules_of(key),
    keys.schedule_of(key, name), keys.stream_of(key, ""), keys.registry_of(key), name, "", "", "", "")
  if not had then return failed(talker, why) end
  return had == "1"
end

-- All of them, by the time of the next run: name, at, cron, label, catchup
function Session.schedules(self)
  local talker, key = self.talker, self.key
  local found, why = talker:ask(STALL, "ZRANGE", keys.schedules_of(key), "0", "-1", "WITHSCORES")
  if not found then return failed(talker, why) end
  local list = {}
  for i = 1, #found, 2 do
    local about
    about, why = talker:ask(STALL, "HMGET", keys.schedule_of(key, found[i]), "cron", "l", "up")
    if not about then return failed(talker, why) end
    list[#list + 1] = { name = found[i], at = tonumber(found[i + 1]) / 1000, cron = about[1] or "",
      label = about[2] or "", catchup = about[3] or "" }
  end
  return list
end

-- outcome: what the task has from then on; ms: for how long it is kept. "cancelled", "ended" or "unknown"
function Session.withdraw(self, task, outcome, ms)
  local talker, key = self.talker, self.key
  local about, trouble = talker:ask(STALL, "HMGET", keys.record_of(key, task), "a", "u", "p", "lim")
  if not about then return failed(talker, trouble) end
  local abi = about[1] or ""
  task.unique = about[2] or ""
  local reply, why = talker:call(STALL, talker.script, "withdraw", "5", keys.record_of(key, task),
    keys.stream_of(key, abi, about[3]), keys.due_of(key, abi), keys.mail_of(key, task), keys.unique_of(key, task),
    codec.name_of(task), task.seq, outcome.kind, outcome.payload, outcome.mac, ms, about[4] or "", key)
  if not reply then return failed(talker, why) end
  return reply == 1 and "cancelled" or reply == 0 and "ended" or "unknown"
end

return posted
