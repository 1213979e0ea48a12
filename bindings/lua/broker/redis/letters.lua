-- SPDX-License-Identifier: MIT
-- Dead letters on a Redis server (broker/backend.lua), for all sessions.
local require = ...

local codec = require("broker.codec")
local connection = require("broker.redis.connection")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")
local posted = require("broker.redis.posted")

local STALL = 10
local SIGNED_MS = tostring(codec.SIGNED_SECONDS * 1000)

local Session = {}

local function none(id) return nil, "there is no dead letter " .. id end

function Session.dead(self, most)
  local found, why = self.talker:ask(STALL, "XREVRANGE", self.key .. "dead", "+", "-", "COUNT", tostring(most))
  if not found then return nil, why end
  local list = {}
  for i = #found, 1, -1 do
    local id, fields = found[i][1], entries.fields_of(found[i][2])
    list[#list + 1] = {
      id = id, at = tonumber(fields.at or id:match("^%d+")) / 1000, why = fields.why, who = fields.who,
      client = fields.c, seq = fields.s, func = fields.f, label = fields.l,
    }
    if fields.j then entries.add_foreign(list[#list], fields.j) end
  end
  return list
end

function Session.letter(self, id)
  if not id:find("^%d+%-%d+$") then return none(id) end
  local found, why = self.talker:ask(STALL, "XRANGE", self.key .. "dead", id, id)
  if not found then return nil, why end
  if not found[1] then return none(id) end
  local task, fields = entries.task_of(found[1][2])
  task.abi, task.priority = keys.read_stream(self.key, fields.stream or "")
  if not task.abi then return nil, "malformed dead letter " .. id end
  task.at = tonumber(fields.at or id:match("^%d+")) / 1000
  task.why, task.who, task.trace = fields.why or "", fields.who or "", fields.trace or ""
  task.lines = fields.lines or ""
  return task
end

function Session.retry(self, id, task)
  local key, talker, is_posted = self.key, self.talker, codec.is_posted(task)
  local words = { "EVAL", connection.text("retry"), "3", key .. "dead",
    keys.stream_of(key, task.abi, task.priority),
    is_posted and keys.record_of(key, task) or key .. "o:" .. task.client, id, task.seq,
    task.json and "json" or is_posted and "posted" or SIGNED_MS, task.abi, task.priority,
    posted.limit_digest(task) }
  entries.append(words, task)
  local added, why = talker:call(STALL, talker.send_list, words)
  if not added then return nil, why end
  if added == "" then return none(id) end
  return true
end

-- Its entry cannot be changed: another one takes its place, with the time of the first.
function Session.edit_letter(self, id, task)
  local words = { "EVAL", connection.text("edit"), "1", self.key .. "dead", id,
    task.json and "j" or "b", task.json or task.body, task.json and "" or "m", task.json and "" or task.mac }
  local edited, why = self.talker:call(STALL, self.talker.send_list, words)
  if not edited then return nil, why end
  if edited == "" then return none(id) end
  return edited
end

-- Whether it was there.
function Session.delete_letter(self, id)
  if not id:find("^%d+%-%d+$") then return none(id) end
  local count, why = self.talker:ask(STALL, "XDEL", self.key .. "dead", id)
  if not count then return nil, why end
  if count == 0 then return none(id) end
  return true
end

return Session
