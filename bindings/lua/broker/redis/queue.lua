-- SPDX-License-Identifier: MIT
-- The session of a queue (broker/backend.lua): a stream with one group of consumers. Over `getter`
-- waits get, over `talker` goes everything else. Each is opened when it is first needed, and by the
-- next call when it broke.
local require = ...

local waits = require("core.waits")
local connection = require("broker.redis.connection")
local new_lease = require("broker.redis.lease")
local keys = require("broker.redis.keys")

local Queue = {}
Queue.__index = Queue

local STALL, CONNECT, PAUSE = 10, 2, 0.05
local LIFE_MS, CLOSED_SECONDS, SILENT_LEASES = "3600000", "86400", 10
local SCRIPTS = { "put", "get", "release", "depth", "deregister" }
local ANSWERS = { [1] = "ok", [0] = "lost", [-1] = "gone" }
local TAKER = "taker" -- gets without a lease share one consumer name

function Queue.new(settings, about)
  local key = keys.key_of(about.name)
  return setmetatable({
    settings = settings, about = about, items = key .. "i", closed = key .. "closed", wait = key .. "wait",
    room = key .. "room", registry = key .. "c", putter = key .. "p:" .. about.putter,
    consumer = about.consumer ~= "" and about.consumer or TAKER,
    talker = connection.new(settings, nil, SCRIPTS), getter = connection.new(settings, nil, {}),
  }, Queue)
end

function Queue.open(self, seconds)
  local opened, why = self.talker:open(seconds)
  if opened then return true end
  return nil, why, connection.kind_of(why)
end

function Queue.close(self, why)
  self.talker:close(why)
  self.getter:close(why)
end

-- One answer: reply (false: none); or nil, why and kind. send: Connection.send, .send_list or
-- .script
local function call(conn, seconds, send, ...)
  if not conn.handle then
    local opened, why = conn:open(CONNECT)
    if not opened then
      local kind = connection.kind_of(why)
      return nil, why, kind == "refused" and kind or "stale"
    end
  end
  local handle = conn.handle
  local reply, why = conn:call(seconds, send, ...)
  if why == nil then return reply or false end
  if conn.handle ~= handle then return nil, why, "stale" end
  local kind = connection.kind_of(why)
  if kind ~= "stale" then return nil, why, kind end
  conn:close(why) -- a server that starts, or follows another one, is soon ready
  waits.sleep(PAUSE)
  return nil, why, "again"
end

local function script(self, ...) return call(self.talker, STALL, self.talker.script, ...) end
local function command(self, ...) return call(self.talker, STALL, self.talker.send, ...) end

-- Putting ------------------------------------------------------------------------------------------------------------

function Queue.put(self, number, text, maxsize, may_reopen)
  return script(self, "put", "5", self.items, self.closed, self.putter, self.wait, self.room, tostring(number),
    tostring(maxsize), LIFE_MS, text, may_reopen and "1" or "0")
end

function Queue.await_room(self, seconds) command(self, "BLPOP", self.room, string.format("%.3f", seconds)) end

-- Getting ------------------------------------------------------------------------------------------------------------

local function make_group(self)
  local made, why, kind = command(self, "XGROUP", "CREATE", self.items, "g", "0", "MKSTREAM")
  if made == nil and not why:find("^BUSYGROUP") then return nil, why, kind end
  return false
end

local function get(self, seconds)
  local words = { "XREADGROUP", "GROUP", "g", self.consumer, "COUNT", "1" }
  if seconds >= 0.001 then
    words[#words + 1], words[#words + 2] = "BLOCK", tostring(math.floor(seconds * 1000))
  end
  for _, word in ipairs({ "STREAMS", self.items, ">" }) do words[#words + 1] = word end
  local reply, why, kind = call(self.getter, seconds + STALL, self.getter.send_list, words)
  if reply == nil and why:find("^NOGROUP") then return make_group(self) end
  if not reply then return reply, why, kind end
  local entry = reply[1][2][1]
  return { id = entry[1], text = entry[2][2], stream = self.items, owner = "" }
end

-- One thread waits at a time. When it is interrupted the connection closes, for the reply would be
-- taken for the next one's; the item, if there was one, comes back.
function Queue.get(self, seconds)
  while self.is_getting do waits.sleep(0.002) end
  self.is_getting = true
  local ok, item, why, kind = pcall(get, self, seconds)
  self.is_getting = false
  if not ok then
    self.getter:close("interrupted")
    error(item, 0)
  end
  return item, why, kind
end

function Queue.ack(self, id)
  local reply, why, kind = script(self, "get", "3", self.items, self.wait, self.room, id)
  if reply == nil then return nil, why, kind end
  return ANSWERS[reply]
end

function Queue.reclaim(self, seconds, is_held)
  local reply = command(self, "XAUTOCLAIM", self.items, "g", TAKER, tostring(math.floor(seconds * 1000)), "0-0",
    "COUNT", "100")
  for _, entry in ipairs(reply and reply[2] or {}) do
    if entry and not is_held(entry[1]) then script(self, "release", "1", self.items, entry[1]) end
  end
  script(self, "deregister", "2", self.registry, self.items, tostring(math.ceil(seconds * SILENT_LEASES)), "")
end

-- The whole ----------------------------------------------------------------------------------------------------------

function Queue.depth(self)
  local reply, why, kind = script(self, "depth", "2", self.items, self.closed)
  if not reply then return nil, why, kind end
  return { waiting = reply[1], held = reply[2], is_closed = reply[3] == 1 }
end

function Queue.finish(self)
  local reply, why, kind = command(self, "SET", self.closed, "1", "EX", CLOSED_SECONDS)
  if reply == nil then return nil, why, kind end
  return true
end

function Queue.heartbeat(self)
  return new_lease(self.settings, self.registry, self.consumer, self.about.lease, "{}")
end

return Queue
