-- SPDX-License-Identifier: MIT
-- A backend of brokers that lacks a function is refused at once, by the name of the function.
local mm = require "manymoons"
local expect = require "expect"

local backend, redis = mm._require("broker.backend"), mm._require("broker.redis")
expect.equal(backend.check("redis", redis), redis)

local function without(class, name)
  local copy = {}
  for key, value in pairs(redis) do copy[key] = value end
  copy[class] = setmetatable({ [name] = false }, { __index = redis[class] })
  return copy
end
expect.raises("broker: other: Worker.nack is missing", backend.check, "other", without("Worker", "nack"))
expect.raises("broker: other: Queue.put is missing", backend.check, "other", without("Queue", "put"))
expect.raises("broker: other: read_url is missing", backend.check, "other", {})
expect.raises("broker: other: Inspector.new is missing", backend.check, "other", { read_url = redis.read_url })
expect.raises("a URL such as redis://", mm.Pool, { broker = "nats://host", name = "jobs" })
