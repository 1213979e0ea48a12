-- SPDX-License-Identifier: MIT
-- Posted tasks on a Redis server (broker/backend.lua): their keys, and what programs do with them. A posted task belongs
-- to no client: its record says where it is, and keeps its outcome.
local require, native = ...

local codec = require("broker.codec")
local connection = require("broker.redis.connection")

local posted = {}

local STALL, WAKE = 10, "2000" -- milliseconds: workers look at least once a second by themselves
local time = native.time

-- t:<name>; codec.name_of: what names the task within its pool
function posted.record_of(key, task) return key .. "t:" .. codec.name_of(task) end

-- What wakes the programs that wait for the outcome.
function posted.mail_of(key, task) return key .. "n:" .. codec.name_of(task) end

-- Those of one Lua that are due later, by the time.
function posted.due_of(key, abi) return abi == "" and key .. "z" or key .. "z:" .. abi end

local function fields_of(task)
  return "c", task.client, "s", task.seq, "n", "0", "f", task.func, "i", task.init, "x", task.flags, "b", task.body,
    "m", task.mac, "l", task.label
end

local function failed(talker, why) return nil, why, talker.handle and connection.kind_of(why) or "stale" end

-- Puts the functions of this file into a session's class.
function posted.extend(Session, stream_of)
  -- task.at (a Unix time) or task.delay (seconds); true, or nil, why and kind. It may be called again.
  function Session.post(self, task)
    local talker, key = self.talker, self.key
    local due = task.at and string.format("@%.0f", task.at * 1000) or string.format("%.0f", (task.delay or 0) * 1000)
    local reply, why = talker:call(STALL, talker.script, "post", "3", posted.record_of(key, task),
      stream_of(key, task.abi), posted.due_of(key, task.abi), codec.name_of(task), task.seq, task.abi, due, WAKE,
      fields_of(task))
    if not reply then return failed(talker, why) end
    if self.settings.wait then talker:ask(STALL, "WAIT", self.settings.wait, "100") end
    return true
  end

  -- What is known of a posted task: { kind, payload, mac }, { "open" }, or {}; may_wait: until it has an outcome, or for
  -- some seconds.
  function Session.outcome(self, task, seconds)
    local talker, key, deadline = self.talker, self.key, time() + seconds
    while true do
      local left = math.min(deadline - time(), STALL / 2)
      local found, why = talker:call(STALL, talker.script, "outcome", "1", posted.record_of(key, task), task.seq,
        left > 0 and "1" or "0")
      if not found then return failed(talker, why) end
      if found[1] ~= "open" or left <= 0 then return found end
      local _, trouble = talker:ask(left + STALL, "BLPOP", posted.mail_of(key, task), string.format("%.3f", left))
      if not talker.handle then return failed(talker, trouble) end
    end
  end

  -- outcome: what the task has from then on; ms: for how long it is kept. "cancelled", "ended" or "unknown"
  function Session.withdraw(self, task, outcome, ms)
    local talker, key = self.talker, self.key
    local abi, trouble = talker:ask(STALL, "HGET", posted.record_of(key, task), "a")
    if not talker.handle then return failed(talker, trouble) end
    abi = abi or ""
    local reply, why = talker:call(STALL, talker.script, "withdraw", "4", posted.record_of(key, task),
      stream_of(key, abi), posted.due_of(key, abi), posted.mail_of(key, task), codec.name_of(task), task.seq,
      outcome.kind, outcome.payload, outcome.mac, ms)
    if not reply then return failed(talker, why) end
    return reply == 1 and "cancelled" or reply == 0 and "ended" or "unknown"
  end
end

return posted
