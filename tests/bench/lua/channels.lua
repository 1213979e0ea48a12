-- SPDX-License-Identifier: MIT
-- A queue or a pipe as two ends, and the functions that send and receive on them. A string goes through a pipe as
-- bytes.
local mm = require("manymoons")

local channels = {}

-- A queue of long strings is bounded, so that the strings stay in the processor's cache.
local function bound_for(value)
  local size = type(value) == "string" and #value or 0
  return size >= 1024 * 1024 and 8 or size >= 1024 and 1000 or nil
end

-- The end that values are put into, and the end that they are taken from.
function channels.open(kind, value)
  if kind == "queue" then
    local queue = mm.Queue(bound_for(value))
    return queue, queue
  end
  local output, input = mm.Pipe(false)
  return input, output
end

function channels.sender(channel, value)
  return channel.put or type(value) == "string" and channel.send_bytes or channel.send
end

function channels.receiver(channel, value)
  return channel.get or type(value) == "string" and channel.recv_bytes or channel.recv
end

return channels
