-- SPDX-License-Identifier: MIT
-- The constructors of queues and pipes of one world: for all VMs and processes (queues/queue.c, queues/pipe.c), for
-- this VM alone (queues/local_queue.c, queues/vm_pipe.lua), or on a broker (broker/queue.lua).
local require, native = ...

local checks = require("core.checks")
local vm_pipe = require("queues.vm_pipe")

local queues = {}
local MOST = 2147483647 -- as the permits of a Semaphore

function queues.check_maxsize(kind, maxsize)
  checks.expect(maxsize == nil or kind ~= "SimpleQueue", kind, "no argument expected; a Queue has a maxsize")
  checks.expect(maxsize == nil or checks.is_whole(maxsize, 0, MOST), kind,
    "maxsize: a whole number from 0 (no bound) to " .. MOST .. " expected, got " .. checks.show(maxsize))
end

local function check_max_bytes(kind, max_bytes)
  checks.expect(max_bytes == nil or kind ~= "SimpleQueue", kind, "max_bytes: a Queue has one")
  checks.expect(max_bytes == nil or checks.is_whole(max_bytes, 0), kind,
    "max_bytes: a number of bytes, 0 (no bound) or more, expected, got " .. checks.show(max_bytes))
end

-- Values of a queue of this VM alone are references, which have no size: max_bytes does not bound them.
local function new_queue(row, kind, maxsize, max_bytes)
  if row.objects == "vm" then return native.local_queue_new(kind, maxsize) end
  return native.queue_new(kind, maxsize, not row.can_wait, max_bytes)
end

local function queue_constructor(row, kind, open_broker_queue)
  return function(maxsize)
    if type(maxsize) == "table" and maxsize.broker ~= nil then
      checks.expect(kind ~= "PriorityQueue", kind, "broker: a Queue or a JoinableQueue can be on a broker")
      return open_broker_queue(kind, maxsize)
    end
    local max_bytes
    if type(maxsize) == "table" then
      checks.check_options(maxsize, { maxsize = true, max_bytes = true }, kind)
      maxsize, max_bytes = maxsize.maxsize, maxsize.max_bytes
    end
    queues.check_maxsize(kind, maxsize)
    check_max_bytes(kind, max_bytes)
    local q, why = new_queue(row, kind, maxsize, max_bytes)
    return q or checks.fail(kind .. ": " .. why)
  end
end

local function pipe_constructor(row)
  return function(duplex)
    if row.objects == "vm" then return vm_pipe.pipe(duplex ~= false) end
    local first, second = native.pipe_new(duplex ~= false, not row.can_wait)
    if not first then checks.fail("Pipe: " .. second) end
    return first, second
  end
end

-- row: the world's (core/worlds.lua); open_broker_queue(kind, options) makes the queues that are on a broker.
function queues.constructors(row, open_broker_queue)
  local list = { Pipe = pipe_constructor(row) }
  for _, kind in ipairs({ "Queue", "SimpleQueue", "JoinableQueue", "PriorityQueue" }) do
    list[kind] = queue_constructor(row, kind, open_broker_queue)
  end
  return list
end

return queues
