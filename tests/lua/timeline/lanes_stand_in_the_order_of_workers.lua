-- SPDX-License-Identifier: MIT
-- worlds: serial
-- hosts: manymoons
-- A recording as lanes: the main thread first, workers by their numbers, threads that did nothing not at all; a message
-- still goes from its sender to its receiver. Samples name functions, and neighbours of one function are one.
local expect = require("expect")
local embedded = require("manymoons")._require
local timelines = embedded("timeline.reading")
local json = embedded("core.json")

local events = { { ph = "M", name = "process_sort_index", pid = 10, args = { sort_index = -1 } } }

local function add(event) events[#events + 1] = event end

local function lane(pid, tid, name, from)
  add({ ph = "M", name = "thread_name", pid = pid, tid = tid, args = { name = name } })
  if from then add({ ph = "X", cat = "lock", name = "holds the lock", pid = pid, tid = tid, ts = from, dur = 50 }) end
end

-- The recorder writes the newest thread first.
lane(12, 12, "PoolWorker-10", 30)
lane(13, 13, "PoolWorker-2", 40)
lane(14, 14, "PoolWorker-1", 20)
lane(15, 15, "Feeder", 10)
lane(10, 11, "thread")
lane(10, 10, "MainProcess", 0)
add({ ph = "f", pid = 13, tid = 13, ts = 45, id = "0x1" })
add({ ph = "s", pid = 10, tid = 10, ts = 5, id = "0x1" })
local function sample(ts, stack, ready)
  add({ ph = "P", cat = "sample", pid = 13, tid = 13, ts = ts, args = { stack = stack, time = 10, ready = ready } })
end
sample(60, 4, 0)
sample(50, 4, 0)
sample(70, 4, 5)
sample(80, 5, 0)
sample(90, 6, 0)

local text = json.encode({ traceEvents = json.list(events) })
local stacks = { [13] = { [4] = "sieve (a.lua:1)", [5] = "main chunk (a.lua)" } }
local recordings, missing = timelines.read({ { world = "processes", text = text, stacks = stacks } })
expect.equal(#missing, 0)
local plain = timelines.lanes(recordings)[1]
local names = {}
for i, each in ipairs(plain.lanes) do names[i] = each.thread end
expect.equal(table.concat(names, " "), "MainProcess Feeder PoolWorker-1 PoolWorker-2 PoolWorker-10")
expect.equal(table.concat(plain.messages, " "), "0 50 3 450")

local samples, said = plain.lanes[4].samples, {}
for i = 1, #samples, 4 do
  local name = plain.names[samples[i + 2] + 1]
  said[#said + 1] = ("%d+%d %s %d%%"):format(samples[i], samples[i + 1], name, samples[i + 3])
end
expect.equal(table.concat(said, "; "), "400+200 sieve (a.lua:1) 0%; 600+100 sieve (a.lua:1) 50%; "
  .. "700+100 main chunk (a.lua) 0%")
expect.truthy(plain.has_samples)
expect.equal(#plain.lanes[1].samples, 0)
