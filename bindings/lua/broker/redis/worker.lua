-- SPDX-License-Identifier: MIT
-- The session of a worker (broker/backend.lua): over the waiter it asks for tasks, and waits.
-- Outcomes go with the question, or over the talker while a question waits.
local require, native = ...

local codec = require("broker.codec")
local connection = require("broker.redis.connection")
local entries = require("broker.redis.entries")
local keys = require("broker.redis.keys")
local posted = require("broker.redis.posted")
local session = require("broker.redis.session")
local new_lease = require("broker.redis.lease")

local time = native.time

local Session = session.Session
local Worker = setmetatable({}, { __index = Session })
Worker.__index = Worker

local LIFE_MS = "3600000"
local DEAD_MOST, LINES_MOST = "10000", "16384"
local BLOCK, GROUPS_AGAIN, RECLAIM = 5, 0.1, "100"
local DUE_SECONDS, PAUSED_SECONDS, DUE_AT_ONCE = 5, 1, 100
local SILENT_LEASES, SWEEP_LEASES = 10, 3
local LETTERS_SECONDS = tostring(7 * 24 * 3600) -- of functions that dead letters hold
local SIGNED_SECONDS, POSTED_SECONDS = tostring(codec.SIGNED_SECONDS), tostring(codec.POSTED_SECONDS)

function Worker.new(settings, about)
  local self = session.new(Worker, settings, about,
    { "ack", "adopt", "again", "deregister", "due", "enter", "finish", "fire", "hold", "move", "nack", "note",
    "token" }, { "ack", "finish", "take" })
  local key = self.key
  self.abis = { "", about.abi }
  self.streams, self.levels = keys.streams_of(key, self.abis, {}), ""
  self.is_paused, self.is_empty = false, false
  self.due_keys = { keys.due_of(key, ""), keys.due_of(key, about.abi), keys.schedules_of(key) }
  self.registry, self.block = keys.registry_of(key), math.min(BLOCK, about.lease / 2)
  self.sweep_at = 0
  self.note_acked = function(task, _, failure) about.on_acked(task, failure) end
  return self
end

-- Groups of consumers ------------------------------------------------------------------------------------------------

-- A fetch that waits goes on with this stream.
local function note_ready(self, stream)
  if self.is_waiting and not self.has_group[stream] then self:stop_fetching() end
  self.has_group[stream], self.is_empty = true, false
end

local function note_groups(at, groups)
  if groups and #groups > 0 then note_ready(at.session, at.stream) end
end

-- A server without memory makes none, and does not say whether there is one.
local function note_group(at, _, failure)
  local self = at.session
  if not failure or failure:find("^BUSYGROUP") then
    note_ready(self, at.stream)
  else
    self.groups_at = time() + GROUPS_AGAIN
    self.talker:send(note_groups, at, "XINFO", "GROUPS", at.stream)
  end
end

local function make_groups(self)
  self.groups_at = nil
  for _, stream in ipairs(self.streams) do
    if not self.has_group[stream] then
      self.talker:send(note_group, { session = self, stream = stream }, "XGROUP", "CREATE", stream, "g", "0",
        "MKSTREAM")
    end
  end
end

function Worker.open(self, seconds)
  local opened, why, kind = Session.open(self, seconds)
  if not opened then return nil, why, kind end
  self.is_waiting, self.is_taking, self.has_group, self.due_at, self.has_looked = false, false, {}, 0, false
  if self.lease then self.lease:follow() end
  make_groups(self)
  self.waiter:send(function(_, id) self.waiter_id = id end, nil, "CLIENT", "ID")
  return true
end

-- Fetching -----------------------------------------------------------------------------------------------------------

-- Fields that are missing, or that no version writes, do no harm.
local function delivery_of(self, stream, id, list)
  local task = entries.task_of(list)
  task.entry, task.stream, task.losses = id, stream, tonumber(task.losses) or 0
  task.id = stream:sub(#self.key + 1) .. "/" .. id -- two streams may have entries of one id
  task.is_posted = codec.is_posted(task)
  task.owner = task.is_posted and keys.record_of(self.key, task)
    or self.key .. "o:" .. task.client:sub(1, codec.CLIENT_MAX)
  return task
end

local function drop(self, task)
  self.talker:send(nil, nil, "XACK", task.stream, "g", task.entry)
  self.talker:send(nil, nil, "XDEL", task.stream, task.entry)
end

-- fields: nil if another worker has taken the entry out
local function take_entry(self, stream, id, fields, on_task)
  if not fields then return end
  if fields[1] ~= "w" then return on_task(delivery_of(self, stream, id, fields)) end
  drop(self, { stream = stream, entry = id }) -- before it looks: what is posted from then on wakes again
  self.due_at = 0
end

-- Several streams give as many each as were asked for. So one that has to choose among them takes tasks where there are
-- some, in the right order, and waits, for one task, where there is none.
function Worker.is_choosing(self) return self.about.is_shared or self.levels ~= "" end

local function take_streams(self, reply)
  local count = 0
  for _, part in ipairs(reply or {}) do
    for _, entry in ipairs(part[2]) do
      count = count + 1
      take_entry(self, part[1], entry[1], entry[2], self.about.on_task)
    end
  end
  return count
end

local function note_fetched(self, reply, failure)
  self.is_waiting = false
  self:end_wait()
  if failure then
    if not failure:find("^NOGROUP") and not failure:find("^UNBLOCKED") then return self:note_trouble(failure) end
    self.has_group, self.groups_at = {}, time() + GROUPS_AGAIN
    return
  end
  if take_streams(self, reply) > 0 then self.is_empty = false end
end

-- Those of its streams that have a group, in their order.
local function ready_streams(self)
  local ready = {}
  for _, stream in ipairs(self.streams) do
    if self.has_group[stream] then ready[#ready + 1] = stream end
  end
  return ready
end

local function await_tasks(self, streams, count)
  local words = { "XREADGROUP", "GROUP", "g", self.about.worker, "COUNT", tostring(count), "BLOCK",
    tostring(math.floor(self.block * 1000)), "STREAMS" }
  for _, stream in ipairs(streams) do words[#words + 1] = stream end
  for _ = 1, #streams do words[#words + 1] = ">" end
  self.is_waiting = true
  self:begin_to_wait(self.block)
  self.waiter:send_list(note_fetched, self, words)
end

local function take_tasks(self, streams, count)
  local words = { tostring(#streams) }
  for i, stream in ipairs(streams) do words[i + 1] = stream end
  words[#words + 1], words[#words + 2] = self.about.worker, tostring(count)
  self.is_taking = true
  self.waiter:script_list(function(_, reply, failure)
    self.is_taking = false
    if failure then return self:note_trouble(failure) end
    self.is_empty = take_streams(self, reply) < count
  end, nil, "take", words)
end

-- It has looked which priorities there are, and all their streams have a group, or cannot have one now.
local function has_all(self)
  if not self.has_looked then return false end
  return self.groups_at ~= nil or #ready_streams(self) == #self.streams
end

function Worker.fetch(self, count)
  if self.is_waiting or self.is_taking or self.is_paused then return true end
  local streams = ready_streams(self)
  if not streams[1] or not has_all(self) then return false end
  if not self:is_choosing() then
    await_tasks(self, streams, count)
  elseif self.is_empty then
    await_tasks(self, streams, 1)
  else
    take_tasks(self, streams, count)
  end
  return true
end

-- A task may be there: it is not known that there is none.
function Worker.may_have_tasks(self)
  return not self.is_empty and not self.is_waiting and not self.is_paused and has_all(self)
end

function Worker.forget_emptiness(self) self.is_empty = false end

function Worker.is_idle(self)
  return not self.is_waiting and not self.is_taking and self.talker:under_way() == 0
end

function Worker.stop_fetching(self)
  if self.is_waiting and self.waiter_id then
    self.talker:send(nil, nil, "CLIENT", "UNBLOCK", tostring(self.waiter_id))
  end
end

function Worker.flush(self)
  self.has_asked_for_pause = false
  if self.groups_at and time() >= self.groups_at then make_groups(self) end
  Session.flush(self)
end

-- Tasks that are due later -------------------------------------------------------------------------------------------

local function move(self, place, names)
  local words = { "EVAL", connection.text("move"), tostring(#names + 10), self.due_keys[place] }
  for _, stream in ipairs(keys.all_streams_of(self.key, self.abis[place])) do words[#words + 1] = stream end
  for i = 2, #names do words[#words + 1] = keys.record_of(self.key, codec.task_named(names[i])) end
  for i = 2, #names do
    words[#words + 1], words[#words + 2] = names[i], codec.task_named(names[i]).seq
  end
  self.talker:send_list(nil, nil, words)
end

-- Has the owner of the session say which task it makes (fire).
local function look_at_schedule(self, name, now)
  local fields
  self.talker:send(function(_, reply) fields = entries.fields_of(reply or {}) end, nil, "HGETALL",
    keys.schedule_of(self.key, name))
  self.talker:send(function(_, at)
    -- another worker may have put that time's task meanwhile, so that this is the time after it
    if not at or not fields.v or tonumber(at) / 1000 > now then return end
    self.about.on_schedule({
      name = name, cron = fields.cron or "", catchup = fields.up, version = fields.v, func = fields.f or "",
      init = fields.i or "", flags = fields.x or "", body = fields.b or "", mac = fields.m or "",
      label = fields.l or "", abi = fields.a or "", priority = fields.p or "", limit = fields.k or "",
    }, tonumber(at) / 1000, now)
  end, nil, "ZSCORE", keys.schedules_of(self.key), name)
end

-- A fetch that the server had not read yet is ended with the next look.
local function note_pause(self, is_paused)
  if is_paused then self:stop_fetching() end
  self.is_paused = is_paused
end

-- A fetch that waits ends, and the next one has the streams of all priorities. The talker goes first.
local function note_levels(self, list)
  table.sort(list)
  local levels = table.concat(list)
  if levels == self.levels then return end
  self.levels, self.streams, self.is_empty = levels, keys.streams_of(self.key, self.abis, list), false
  make_groups(self)
  self:stop_fetching()
end

local function note_due(self, found)
  if not found then return end
  note_pause(self, found[2] == 1)
  self.due_at = time() + (self.is_paused and PAUSED_SECONDS or DUE_SECONDS)
  note_levels(self, found[3])
  self.clock = tonumber(found[1]) / 1000 - time()
  for place = 1, #self.due_keys do
    local names = found[place + 3]
    if names[1] ~= "" then self.due_at = math.min(self.due_at, time() + tonumber(names[1]) / 1000) end
    if #names > DUE_AT_ONCE and self.abis[place] then self.due_at = 0 end
    if names[2] and self.abis[place] then move(self, place, names) end
  end
  local names = found[#self.due_keys + 3]
  for i = 2, #names do look_at_schedule(self, names[i], tonumber(found[1]) / 1000) end
end

-- The task of one time of a schedule, which is due at `due`, and next at `following` (seconds since 1970).
function Worker.fire(self, schedule, task, due, following)
  local key = self.key
  self.due_at = 0 -- it may be due again already
  local words = {
    "4", keys.schedules_of(key), keys.schedule_of(key, schedule.name), keys.stream_of(key, task.abi, task.priority),
    keys.record_of(key, task), schedule.name, string.format("%.0f", due * 1000),
    string.format("%.0f", following * 1000), schedule.version, task.seq, task.abi, task.priority,
    posted.limit_digest(task),
  }
  entries.append(words, task)
  self.talker:script_list(nil, nil, "fire", words)
end

-- Puts tasks that are due into their streams. → the seconds until it is to be called again
function Worker.move_due(self)
  local now = time()
  if now >= self.due_at then
    self.due_at = now + DUE_SECONDS
    self.talker:script(function(_, found)
      note_due(self, found)
      self.has_looked = true
    end, nil, "due", "5",
      keys.pause_of(self.key), keys.levels_of(self.key), self.due_keys[1], self.due_keys[2], self.due_keys[3],
      tostring(DUE_AT_ONCE))
  end
  return math.max(0, self.due_at - now)
end

-- Outcomes -----------------------------------------------------------------------------------------------------------

-- The functions of a dead letter stay for those that try it again.
local function hold_functions(self, task)
  for _, name in ipairs({ task.func, task.init }) do
    if name:sub(1, 2) == "f:" then
      local key, holders = keys.keys_of_function(self.key, name)
      self.talker:script(nil, nil, "hold", "2", key, holders, "dead", LETTERS_SECONDS, "")
    end
  end
end

local function finish(self, task, outcome)
  -- what it has said goes first, over the talker
  local conn = (self.is_waiting or outcome.why or task.has_noted) and self.talker or self.waiter
  local bits, bit = keys.bit_of(self.key, task)
  conn:script(self.note_acked, task, "finish", "6", task.stream, task.owner, self.key .. "dead", bits,
    keys.mail_of(self.key, task), keys.unique_of(self.key, task), task.entry, task.seq, outcome.kind, outcome.payload,
    outcome.mac,
    string.format("%.0f", outcome.ttl * 1000), outcome.why or "", outcome.worker, outcome.trace or "", DEAD_MOST,
    task.mac ~= "" and bit or "", POSTED_SECONDS, codec.name_of(task), task.unique, posted.limit_digest(task), self.key)
end

-- A posted task runs again after how.pause, and this makes how.attempts more; how.line: about the last one
function Worker.again(self, task, how, on_again)
  self.due_at = math.min(self.due_at, time() + how.pause)
  self.talker:script(function(_, what, failure) on_again(what, failure) end, nil, "again", "3", task.stream, task.owner,
    keys.due_of(self.key, (keys.read_stream(self.key, task.stream))), task.entry, task.seq, codec.name_of(task),
    tostring(how.attempts), string.format("%.0f", how.pause * 1000), how.line or "", how.has_place and "1" or "0",
    posted.limit_digest(task), self.key)
end

-- Seconds since the task was put into its stream, by the server's clock.
function Worker.waited(self, task)
  return self.clock and self.clock + time() - tonumber(task.entry:match("^%d+")) / 1000 or 0
end

-- What a task says while it runs (scripts/note.lua)
function Worker.note(self, task, progress, lines)
  if not task.is_posted then return end
  self.talker:script(nil, nil, "note", "1", task.owner, task.seq, task.entry, progress, lines, LINES_MOST)
end

function Worker.enter(self, task, most, digest, on_entered)
  local holders, waiting = keys.limit_of(self.key, digest)
  self.talker:script(function(_, what, failure) on_entered(not failure and what or nil) end, nil, "enter", "5",
    task.stream, task.owner, holders, waiting, keys.held_of(self.key), task.entry, task.seq, codec.name_of(task),
    tostring(most))
end

-- Takes a place for a run of the task's function: on_place(seconds until it may begin; nil: it is not known)
function Worker.take_place(self, task, count, seconds, on_place)
  self.talker:script(function(_, ms, failure)
    on_place(not failure and tonumber(ms) / 1000 or nil)
  end, nil, "token", "1", keys.line_of(self.key, task.func), tostring(count), tostring(seconds * 1000))
end

function Worker.ack(self, task, outcome)
  if not outcome then return drop(self, task) end
  if task.is_posted then return finish(self, task, outcome) end
  if outcome.why then hold_functions(self, task) end
  local conn = (self.is_waiting or outcome.why) and self.talker or self.waiter
  local key, client, bits, bit = self.key, task.client, keys.bit_of(self.key, task)
  conn:script(self.note_acked, task, "ack", "5", task.stream, key .. "o:" .. client, key .. "r:" .. client,
    key .. "dead", bits, task.entry, task.seq, LIFE_MS, outcome.kind, outcome.payload, outcome.mac, outcome.why or "",
    outcome.worker, DEAD_MOST, bit, SIGNED_SECONDS)
end

function Worker.nack(self, task, losses, most, outcome, on_nacked)
  if task.losses + losses > most then hold_functions(self, task) end
  local key, client, bits, bit = self.key, task.client, keys.bit_of(self.key, task)
  self.talker:script(on_nacked and function(_, what, failure) on_nacked(what, failure) end, nil, "nack", "5",
    task.stream, key .. "o:" .. client, key .. "r:" .. client, key .. "dead", bits, task.entry, task.seq,
    tostring(losses), tostring(most), LIFE_MS, outcome.kind, outcome.payload, outcome.mac, outcome.why, outcome.worker,
    DEAD_MOST, bit, SIGNED_SECONDS)
end

-- Questions ----------------------------------------------------------------------------------------------------------

function Worker.load(self, name, on_text)
  self.talker:send(function(_, text) on_text(text) end, nil, "GET", self.key .. name)
end

-- Asks, before what is asked about tasks, whether the pool is paused: one that was fetched before the worker knew does
-- not run. Once for all questions that go together.
local function ask_for_pause(self)
  if self.has_asked_for_pause then return end
  self.has_asked_for_pause = true
  self.talker:send(function(_, reply) note_pause(self, self.is_paused or reply == 1) end, nil, "EXISTS",
    keys.pause_of(self.key))
end

-- A task of a program of another language has a record from here on.
local function adopt(self, task, on_answer)
  self.talker:script(function(_, ms, failure)
    if failure then return on_answer(nil) end
    task.pause = tonumber(ms) / 1000
    on_answer(task.pause >= 0, self.is_paused)
  end, nil, "adopt", "1", task.owner, task.entry, task.seq, posted.due_text(task), posted.limit_digest(task))
end

function Worker.is_open(self, task, on_answer)
  ask_for_pause(self)
  if task.json then return adopt(self, task, on_answer) end
  local bits, bit = keys.bit_of(self.key, task)
  local is_done, trouble
  self.talker:send(function(_, reply, failure) is_done, trouble = reply == 1, failure end, nil, "GETBIT", bits, bit)
  self.talker:send(function(_, id, failure)
    if failure or trouble then on_answer(nil) else on_answer(id == task.entry and not is_done, self.is_paused) end
  end, nil, "HGET", task.owner, task.seq)
end

-- Of other workers ---------------------------------------------------------------------------------------------------

local function reclaim(self, stream, seconds, on_task, cursor)
  self.talker:send(function(_, reply, failure)
    if failure or not reply then return end
    for _, entry in ipairs(reply[2]) do
      local id, fields = entry and entry[1], entry and entry[2]
      if id and fields then
        take_entry(self, stream, id, fields, on_task)
      elseif id then
        self.talker:send(nil, nil, "XACK", stream, "g", id)
      end
    end
    if reply[1] ~= "0-0" then reclaim(self, stream, seconds, on_task, reply[1]) end
  end, nil, "XAUTOCLAIM", stream, "g", self.about.worker, tostring(math.floor(seconds * 1000)), cursor, "COUNT",
    RECLAIM)
end

local function words_of_deregister(self, silence, name)
  local words = { tostring(#self.streams + 1), self.registry }
  for _, stream in ipairs(self.streams) do words[#words + 1] = stream end
  words[#words + 1], words[#words + 2] = silence, name
  return words
end

function Worker.reclaim(self, seconds, on_task)
  for _, stream in ipairs(self.streams) do reclaim(self, stream, seconds, on_task, "0-0") end
  if time() < self.sweep_at then return end
  self.sweep_at = time() + seconds * SWEEP_LEASES
  local silence = tostring(math.ceil(seconds * SILENT_LEASES))
  self.talker:script_list(nil, nil, "deregister", words_of_deregister(self, silence, ""))
end

-- Life ---------------------------------------------------------------------------------------------------------------

function Worker.heartbeat(self, text)
  self.lease = new_lease(self.settings, self.registry, self.about.worker, self.about.lease, text)
  return self.lease
end

function Worker.deregister(self, seconds)
  local talker = self.talker
  talker:send(nil, nil, "DEL", self.registry .. ":" .. self.about.worker)
  talker:call(seconds, talker.script_list, "deregister", words_of_deregister(self, "", self.about.worker))
end

return Worker
