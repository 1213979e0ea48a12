-- SPDX-License-Identifier: MIT
-- One large value at a time: the time from the request to a worker until the value is there.
-- Usage: transfer.lua queue|pipe VALUE COUNT
local mm = require("manymoons")
local channels = require("channels")
local values = require("values")

local kind, name, count = arg[1], arg[2], tonumber(arg[3])

local function serve(channel, asked)
  local value = values.make(name)
  local put = channels.sender(channel, value)
  while asked:get() do put(channel, value) end
end

local sample = values.make(name)
local input, output = channels.open(kind, sample)
local get = channels.receiver(output, sample)
local asked = mm.Queue()
local worker = mm.Process(serve, input, asked)
worker:start()

local function fetch()
  asked:put(true)
  return get(output)
end

fetch() -- the worker makes its value, and both allocate their memory
local start = mm.time()
for _ = 1, count do fetch() end
local seconds = mm.time() - start

asked:put(false)
worker:join()
print("time", seconds / count * 1e3, "ms")
print("throughput", count * (values.size(sample) or 0) / seconds / 1e9, "GB/s")
