-- SPDX-License-Identifier: MIT
-- worlds: processes
-- quick: no
-- Workers of every start method are killed while they put, take, report, send, receive, make pipes and drop them. The
-- queues and pipes still work, and after a thousand deaths this process has as many descriptors, mappings and children
-- as before, and nearly as many pages of the segment.
local mm = require "manymoons"
local expect = require "expect"
local measures = require "measures"

math.randomseed(11)
local WARM_UP, DEATHS = 300, measures.is_sanitized() and 400 or 1000
local methods = { "fork", "forkserver", "fork", "forkserver", "fork", "fork", "fork", "fork", "fork", "spawn" }
local q, jobs = mm.Queue(20), mm.JoinableQueue()

local function work(queue, tasks, connection)
  for n = 1, math.huge do
    queue:put({ n, ("x"):rep(n * 37 % 5000) }, 0.001)
    queue:get(0.001)
    tasks:put(n)
    if tasks:get(0.01) and n % 3 ~= 0 then tasks:task_done() end
    connection:send(("y"):rep(n * 91 % 5000))
    connection:poll(0)
    local here, there = mm.Pipe()
    here:send(n)
    there:recv()
  end
end

local function let_one_die(method)
  local here, there = mm.Pipe()
  local worker = mm.Process({ method = method, target = work, args = { q, jobs, there } })
  worker:start()
  there:close()
  expect.truthy(here:recv(expect.HANG))
  mm.sleep(math.random() * 0.003)
  worker:kill()
  expect.equal(worker:join(expect.HANG), true)
  expect.equal(worker.exitcode, -9)
  local text, why
  repeat text, why = here:recv(expect.HANG) until not text
  expect.equal(why, "closed")
  here:close()
  worker:close()
end

-- All values in the queues are whole; after that the queues are empty.
local function drain()
  for value in function() return (q:get_nowait()) end do expect.equal(#value[2], value[1] * 37 % 5000) end
  while jobs:get_nowait() do jobs:task_done() end
  expect.equal((jobs:join(expect.HANG)), true)
  expect.equal({ q:qsize(), jobs:qsize() }, { 0, 0 })
  collectgarbage()
  collectgarbage()
end

local function let_many_die(count)
  for i = 1, count do
    let_one_die(methods[i % #methods + 1])
    if i % 50 == 0 then drain() end
  end
end

let_many_die(WARM_UP)
local descriptors, mappings = measures.descriptors(), measures.mappings()
local children = measures.children()

-- A queue or a pipe that is not read for a while takes more memory once, and keeps it; what deaths leave behind comes
-- with each of them.
local WINDOWS, KIB_EACH = 4, 0.6
local least = math.huge
for _ = 1, WINDOWS do
  local before = measures.segment_kib()
  let_many_die(DEATHS // WINDOWS)
  least = math.min(least, measures.segment_kib() - before)
end
expect.equal(measures.descriptors(), descriptors, "descriptors")
expect.equal(measures.mappings(), mappings, "mappings")
expect.equal(measures.children(), children, "children")
expect.truthy(least < DEATHS // WINDOWS * KIB_EACH, "the segment grew each time, by " .. least .. " KiB or more")
