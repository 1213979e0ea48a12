-- SPDX-License-Identifier: MIT
-- Made-up recordings in the format of MANYMOONS_TRACE, of any size, the same at each run.
--
-- `threads` has one VM whose threads take turns every 5 ms, one of them doing short I/O; a pool has a VM for each
-- worker, tasks, and messages to and from the main one. Times are microseconds.
local recordings = {}

local function metadata(events, lane, process)
  local function add(name, args)
    events[#events + 1] = { ph = "M", name = name, pid = lane.pid, tid = lane.tid, args = args }
  end
  if process then add("process_name", { name = process }) end
  add("thread_name", { name = lane.name })
  add("vm", { vm = lane.vm })
end

local function span(events, lane, cat, name, from, to, args)
  events[#events + 1] = { ph = "X", cat = cat, name = name, pid = lane.pid, tid = lane.tid, ts = from, dur = to - from,
    args = args }
end

local function message(events, id, from, sent, to, taken)
  local function add(ph, lane, ts)
    events[#events + 1] = { ph = ph, cat = "message", name = "message", id = id, bp = "e", pid = lane.pid,
      tid = lane.tid, ts = ts }
  end
  add("s", from, sent)
  add("f", to, taken)
end

local function trace(events)
  local about = { program = "sample.lua", version = "0.1.0", dropped = 0 }
  return { displayTimeUnit = "ms", otherData = about, traceEvents = events }
end

-- What a profile saw of each thread: every 5 ms it ran `sieve`, and in every fourth look it was ready for half of the
-- time. Returns the names of stacks.
function recordings.add_samples(trace_of_run)
  local events, stacks, last = trace_of_run.traceEvents, {}, {}
  for _, event in ipairs(events) do
    local lane = event.pid .. "/" .. event.tid
    local before = last[lane] and last[lane][1] or 0
    if event.ph == "X" then last[lane] = { math.max(before, event.ts + event.dur), event } end
  end
  for _, entry in pairs(last) do
    local till, event = entry[1], entry[2]
    stacks[event.pid] = { [7] = "sieve (sample.lua:12)" }
    for i = 1, math.floor(till / 5000) do
      events[#events + 1] = { ph = "P", cat = "sample", name = "sample", pid = event.pid, tid = event.tid,
        ts = i * 5000, args = { stack = 7, time = 5000, ready = i % 4 == 0 and 2500 or 0 } }
    end
  end
  return stacks
end

-- Folded stacks of a world.
function recordings.folded(world, factor)
  local lines = { "MainProcess;main chunk (sample.lua:0);report (sample.lua:40) 20000\n" }
  for worker = 1, 3 do
    local head = ("%s: PoolWorker-%d;"):format(world, worker)
    lines[#lines + 1] = ("%ssieve (sample.lua:12);is_prime (sample.lua:3) %d\n"):format(head, 90000 * factor)
    lines[#lines + 1] = ("%ssieve (sample.lua:12);append (sample.lua:30);string.format ([C]) %d\n"):format(head, 30000)
  end
  return table.concat(lines)
end

function recordings.serial(total)
  local events, main = {}, { pid = 4000, tid = 4000, vm = 1, name = "MainProcess" }
  metadata(events, main, "manymoons")
  span(events, main, "lock", "holds the lock", 0, total)
  return trace(events)
end

-- `workers` computing threads and one that does I/O, under one lock, with a quantum of `quantum` microseconds.
function recordings.threads(workers, total, quantum)
  local events, lanes = {}, {}
  local main = { pid = 4100, tid = 4100, vm = 1, name = "MainProcess" }
  metadata(events, main, "manymoons")
  span(events, main, "lock", "holds the lock", 0, quantum / 2)
  span(events, main, "blocked", "join", quantum / 2, total)
  for i = 1, workers do
    local name = i == workers and "Echo" or "Spinner-" .. i
    lanes[i] = { pid = 4100, tid = 4100 + i, vm = 1, name = name, since = quantum / 2 }
    metadata(events, lanes[i])
    span(events, lanes[i], "worker", "worker", quantum / 2, total)
  end
  local now, turn = quantum / 2, 0
  while now < total do
    turn = turn % workers + 1
    local lane = lanes[turn]
    local turn_length = turn == workers and quantum / 20 or quantum * (0.9 + 0.2 * (turn % 2))
    local stop = math.min(total, now + turn_length)
    if now > lane.since then span(events, lane, "lock", "waits for the lock", lane.since, now) end
    span(events, lane, "lock", "holds the lock", now, stop)
    lane.since = stop
    if turn == workers then
      lane.since = math.min(total, stop + quantum * 0.6)
      span(events, lane, "blocked", "recv", stop, lane.since)
    end
    now = stop
  end
  return trace(events)
end

-- A pool with `tasks` tasks, their messages and answers; `is_process`: each worker is a process.
function recordings.pool(workers, tasks, length, is_process)
  local events, lanes = {}, {}
  local main = { pid = 4200, tid = 4200, vm = 1, name = "MainProcess" }
  metadata(events, main, "manymoons")
  local now, id = 3000, 0
  span(events, main, "lock", "holds the lock", 0, now)
  for i = 1, workers do
    lanes[i] = { pid = is_process and 4200 + i or 4200, tid = 4200 + i, vm = is_process and 1 or i + 1,
      name = "PoolWorker-" .. i, free = now + 700 * i, began = now + 500 * i }
    metadata(events, lanes[i], is_process and lanes[i].name)
  end
  for number = 1, tasks do
    local lane = lanes[(number - 1) % workers + 1]
    local from = lane.free
    local to = from + length * (0.6 + 0.8 * ((number * 7919) % 13) / 13)
    span(events, lane, "task", "task", from, to, { task = number })
    span(events, lane, "lock", "holds the lock", from, to)
    lane.free = to + length * 0.05
    span(events, lane, "blocked", "get", to, lane.free)
    id = id + 2
    message(events, id, main, now - 400, lane, from)
    message(events, id + 1, lane, to, main, to + 90)
    span(events, main, "lock", "holds the lock", math.max(now, to + 80), math.max(now, to + 80) + 20)
  end
  local last = 0
  for _, lane in ipairs(lanes) do
    last = math.max(last, lane.free)
    span(events, lane, "worker", "worker", lane.began, lane.free)
  end
  span(events, main, "blocked", "get", now, now + 50)
  return trace(events), last
end

return recordings
