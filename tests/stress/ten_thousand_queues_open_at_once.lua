-- SPDX-License-Identifier: MIT
-- Ten thousand queues and two and a half thousand pipes, all open and used, most of them not empty when they are
-- dropped, some closed before. Repeating it needs no more descriptors or memory than once.
local mm = require "manymoons"
local expect = require "expect"
local measures = require "measures"

local QUEUES, PIPES = 10000, 2500

local function use_all()
  local queues, pipes = {}, {}
  for i = 1, QUEUES do queues[i] = mm.Queue(2) end
  for i = 1, PIPES do pipes[i] = { mm.Pipe() } end
  -- Each but the last carries a handle to the next one.
  for i = 1, QUEUES do expect.equal(queues[i]:put({ i, queues[i + 1] }), true) end
  for i = 1, PIPES do
    pipes[i][1]:send(i)
    pipes[i][2]:send_bytes(("x"):rep(i))
  end
  for i = 1, QUEUES, 3 do
    local value = queues[i]:get()
    expect.equal(value[1], i)
    if value[2] then
      expect.equal(value[2]:full(), false)
      expect.equal(value[2]:qsize(), 1)
      value[2]:close()
    end
  end
  for i = 1, PIPES do
    expect.equal(pipes[i][2]:recv(), i)
    expect.equal(#pipes[i][1]:recv_bytes(), i)
  end
  for i = 1, PIPES, 2 do pipes[i][1]:close() end
  for i = 1, QUEUES, 5 do queues[i]:close() end
end

local function measure()
  collectgarbage()
  collectgarbage()
  return measures.descriptors(), measures.segment_kib(), measures.private_kib()
end

use_all() -- what is kept warm afterwards is there
use_all()
local descriptors, segment, private = measure()
for _ = 1, 2 do
  use_all()
  local descriptors_now, segment_now, private_now = measure()
  expect.equal(descriptors_now, descriptors)
  expect.truthy(segment_now - segment < 1024, "the segment grew by " .. segment_now - segment .. " KiB") -- free chunks
  local grown = private_now - private
  expect.truthy(measures.is_sanitized() or grown < 4096, "memory grew by " .. grown .. " KiB")
end
