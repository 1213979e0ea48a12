-- SPDX-License-Identifier: MIT
-- Values from producers to consumers, at full speed.
-- Usage: stream.lua queue|pipe VALUE COUNT [PRODUCERS CONSUMERS]
local mm = require("manymoons")
local channels = require("channels")
local values = require("values")

local kind, name, count = arg[1], arg[2], tonumber(arg[3])
local producers, consumers = tonumber(arg[4] or 1), tonumber(arg[5] or 1)

local function produce(channel, share, ready, go)
  local value = values.make(name)
  local put = channels.sender(channel, value)
  ready:put(true)
  go:get()
  for _ = 1, share do put(channel, value) end
end

local function consume(channel, share, ready, done)
  local get = channels.receiver(channel, values.make(name))
  ready:put(true)
  for _ = 1, share do get(channel) end
  done:put(true)
end

local input, output = channels.open(kind, values.make(name))
local ready, go, done = mm.Queue(), mm.Queue(), mm.Queue()
local workers = {}
for _ = 1, producers do workers[#workers + 1] = mm.Process(produce, input, count / producers, ready, go) end
for _ = 1, consumers do workers[#workers + 1] = mm.Process(consume, output, count / consumers, ready, done) end
for _, worker in ipairs(workers) do worker:start() end
for _ = 1, #workers do ready:get() end

local start = mm.time()
for _ = 1, producers do go:put(true) end
for _ = 1, consumers do done:get() end
local seconds = mm.time() - start

for _, worker in ipairs(workers) do worker:join() end
print("rate", count / seconds / 1e6, "M/s")
print("cost", seconds / count * 1e6, "us")
print("throughput", count * (values.size(values.make(name)) or 0) / seconds / 1e9, "GB/s")
