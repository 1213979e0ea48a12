-- SPDX-License-Identifier: MIT
-- The lease of a session (broker/backend.lua): a thread of C with a connection of its own
-- (vm/redis/lease.h), which runs the script `heartbeat`. When the server is another one, the
-- session has it follow, with all that is held.
local require, native = ...

local connection = require("broker.redis.connection")

local Lease = {}
Lease.__index = Lease

local SEQ_MAX = 20 -- what is longer is no number

-- owner: the key of the hash in which the task's number stands while its client waits for it; or ""
local function hold(self, delivery)
  local seq = delivery.owner ~= "" and delivery.seq:sub(1, SEQ_MAX) or ""
  self.thread:add(delivery.stream, delivery.owner, seq, delivery.id)
end

local function start(self)
  local settings = {}
  for key, value in pairs(self.settings) do settings[key] = value end
  settings.name = "manymoons-lease"
  self.address = self.settings.address
  self.thread = assert(native.redis_lease_open(settings, {
    connection.text("heartbeat"), self.registry, self.registry .. ":" .. self.name, self.name,
    tostring(math.ceil(self.seconds * 3)),
  }, self.seconds / 3, self.text))
  for _, delivery in pairs(self.held) do hold(self, delivery) end
end

function Lease.add(self, delivery)
  self.held[delivery.id] = delivery
  hold(self, delivery)
end

function Lease.remove(self, id)
  self.held[id] = nil
  self.thread:remove(id)
end

function Lease.tell(self, text)
  self.text = text
  self.thread:tell(text)
end

function Lease.news(self) return self.thread:news() end

function Lease.close(self) self.thread:close() end

function Lease.follow(self)
  if self.address == self.settings.address then return end
  self.thread:close()
  start(self)
end

-- Renewed three times in `seconds`.
return function(settings, registry, name, seconds, text)
  local self = setmetatable({
    settings = settings, registry = registry, name = name, seconds = seconds, text = text, held = {},
  }, Lease)
  start(self)
  return self
end
