-- SPDX-License-Identifier: MIT
-- Dead letters on a Redis server (broker/backend.lua), for all sessions.
local require = ...

local codec = require("broker.codec")
local connection = require("broker.redis.connection")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")

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
      id = id, at = tonumber(id:match("^%d+")) / 1000, why = fields.why, who = fields.who, client = fields.c,
      seq = fields.s, func = fields.f, label = fields.l,
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
  local prefix = keys.stream_of(self.key, "")
  local stream = fields.stream or ""
  if stream:sub(1, #prefix) ~= prefix then return nil, "malformed dead letter " .. id end
  task.abi, task.at = stream:sub(#prefix + 2), tonumber(id:match("^%d+")) / 1000
  task.why, task.who, task.trace = fields.why or "", fields.who or "", fields.trace or ""
  return task
end

function Session.retry(self, id, task)
  local key, talker, is_posted = self.key, self.talker, codec.is_posted(task)
  local words = { "EVAL", connection.text("retry"), "3", key .. "dead", keys.stream_of(key, task.abi),
    is_posted and keys.record_of(key, task) or key .. "o:" .. task.client, id, task.seq,
    task.json and "json" or is_posted and "posted" or SIGNED_MS, task.abi }
  entries.append(words, task)
  local added, why = talker:call(STALL, talker.send_list, words)
  if not added then return nil, why end
  if added == "" then return none(id) end
  return true
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
