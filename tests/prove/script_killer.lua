-- SPDX-License-Identifier: MIT
-- Kills processes at random instants while they use queues and pipes, and proves that no other process is harmed. It
-- is a plain script: it uses nothing that users do not have.
--
--     manymoons tests/prove/script_killer.lua SECONDS [SEED]      one line; an error if anything is wrong
--
-- It works in rounds, each with one kind of channel and one start method. Each worker logs, in a file of its own that
-- outlives it, the messages that it tries to put, that are in, and that it took, with one write for each. The parent
-- kills one worker after the other and starts another in its place; at the end all channels are drained. It checks:
--
--   - A message that was in was taken once. Each consumer that was killed may have taken one message along.
--   - A message that was being put at a death was taken once, or is not there.
--   - Each message arrived as it was put. Those of one producer, to one consumer, came in order.
--   - No process was in one put or take for longer than a second.
--   - The parent has as many descriptors as before, and the segment does not grow from round to round.
--
-- A kind of channel is an entry of `kinds`: it has make, put, take and finish.
local mm = require "manymoons"
local lfs = require "lfs"

local seconds, seed = tonumber(arg[1]), tonumber(arg[2] or "") or math.floor(mm.time() * 1000) % 2 ^ 31
if not seconds then error("usage: script_killer.lua SECONDS [SEED]", 0) end
math.randomseed(seed)

local WORKERS = 6 -- processes at a time: two producers, two consumers, two whose interpreters do both
local LONGEST = seconds >= 10 and 1 or 10 -- beside other tests the scheduler may take a second
local GROWTH_KIB = 64 * 1024

-- The longest pause between two deaths, in seconds: a process must have begun to work before it dies.
local methods = { fork = { pause = 0.006, deaths = 60 }, forkserver = { pause = 0.02, deaths = 25 },
  spawn = { pause = 0.04, deaths = 15 } }

-- Kinds of channels -------------------------------------------------------------------------------------------

local function queue_of(make, sizes)
  return {
    make = function()
      local q = make()
      return q, q
    end,
    put = function(q, value) return q:put(value) end,
    take = function(q) return q:get() end,
    finish = function(q) q:close() end,
    sizes = sizes,
  }
end

local small, mixed, big = { 10, 100 }, { 10, 3000, 20000 }, { 100000, 2000000 }

local kinds = {
  ["bounded queue"] = queue_of(function() return mm.processes.Queue(5) end, mixed),
  ["queue of one"] = queue_of(function() return mm.processes.Queue(1) end, small),
  ["queue"] = queue_of(function() return mm.processes.Queue() end, mixed),
  ["simple queue"] = queue_of(function() return mm.processes.SimpleQueue() end, small),
  ["queue of big messages"] = queue_of(function() return mm.processes.Queue(4) end, big),
  ["pipe"] = {
    make = function()
      local reader, writer = mm.processes.Pipe(false)
      return writer, reader
    end,
    put = function(writer, value) return writer:send(value) end,
    take = function(reader) return reader:recv() end,
    finish = function(writer) writer:close() end,
    leave = function(writer) writer:close() end, -- readers wait as long as an end is open
    sizes = mixed,
  },
}

-- Workers ----------------------------------------------------------------------------------------------------

-- A message: its producer, its number, and a text that shows whether it is whole.
local function text_of(number, size) return string.char(97 + number % 26):rep(size) end

local function timed(log, f, ...)
  local start = mm.time()
  local a, b = f(...)
  local took = mm.time() - start
  if took > 0.3 then log:write(("slow %.3f\n"):format(took)) end
  return a, b
end

local function open_log(name)
  local log = assert(io.open(name, "w"))
  log:setvbuf("no")
  return log
end

-- Puts until the parent stops it, or until it has put enough.
local function put_all(name, kind, writer, stop, random)
  local log, number = open_log(name), 0
  while stop:empty() and number < 3000 do
    number = number + 1
    random = random * 16807 % 2147483647
    local size = kind.sizes[random % #kind.sizes + 1]
    log:write(("try %d\n"):format(number))
    local ok, why = timed(log, kind.put, writer, { name, number, text_of(number, size), size })
    if not ok then
      log:write(("refused %s\n"):format(why))
      break
    end
    log:write(("in %d\n"):format(number))
  end
  log:close()
end

local function take_all(name, kind, reader)
  local log = open_log(name)
  while true do
    local m = timed(log, kind.take, reader)
    if m == nil then break end
    local is_whole = #m == 4 and m[3] == text_of(m[2], m[4])
    log:write(("%s %s %s\n"):format(is_whole and "took" or "torn", m[1], m[2]))
  end
  log:close()
end

-- In each process of this kind one interpreter puts and another one takes.
local function both(name, kind, writer, reader, stop, random)
  local Process = mm.interpreters.Process
  local producer = Process(put_all, name .. ".put", kind, writer, stop, random)
  local consumer = Process(take_all, name .. ".take", kind, reader)
  producer:start()
  consumer:start()
  producer:join()
  if kind.leave then kind.leave(writer) end
  consumer:join()
end

-- A round -----------------------------------------------------------------------------------------------------

local totals = { deaths = 0, messages = 0, lost = 0, slowest = 0 }
local round -- the current one

local function fail(what, ...)
  for _, worker in pairs(round.workers) do worker:kill() end
  error(("script_killer, seed %d, %s, %s, after %d deaths: "):format(seed, round.name, round.method, totals.deaths)
    .. what:format(...), 0)
end

local roles = { "put", "put", "take", "take", "both", "both" }
local function start_worker(place)
  local role = roles[place]
  round.started = round.started + 1
  local name = ("%s/%d.%s"):format(round.folder, round.started, role)
  local random = math.random(1, 2 ^ 31 - 2)
  local args, target
  if role == "put" then
    target, args = put_all, { name, round.kind, round.writer, round.stop, random }
  elseif role == "take" then
    target, args = take_all, { name, round.kind, round.reader }
  else
    target, args = both, { name, round.kind, round.writer, round.reader, round.stop, random }
  end
  local worker = mm.processes.Process({ target = target, args = args, method = round.method })
  worker:start()
  round.workers[place] = worker
end

local function kill_worker(place)
  local worker = round.workers[place]
  worker:kill()
  if not worker:join(10) then fail("a killed process does not end") end
  if worker.exitcode ~= -9 and worker.exitcode ~= 0 then fail("a worker ended with %s", worker.exitcode) end
  worker:close()
  totals.deaths = totals.deaths + 1
  if roles[place] ~= "put" then round.consumers_killed = round.consumers_killed + 1 end
end

local function join_workers(role)
  for place, worker in pairs(round.workers) do
    if not role or roles[place] == role then
      if not worker:join(20) then fail("a %s worker does not end", roles[place]) end
      if worker.exitcode ~= 0 then fail("a %s worker ended with %s", roles[place], worker.exitcode) end
      worker:close()
      round.workers[place] = nil
    end
  end
end

local function read_logs()
  local tried, is_in, consumers = {}, {}, {}
  for name in lfs.dir(round.folder) do
    if name:sub(1, 1) ~= "." then
      local path = round.folder .. "/" .. name
      local took = {}
      for line in io.lines(path, "L") do -- a last line without its end: killed in the middle of the write
        local word, rest, number = line:match("^(%S+) (%S+) ?(%S*)\n$")
        if word == "try" then tried[path] = tonumber(rest)
        elseif word == "in" then is_in[path] = tonumber(rest)
        elseif word == "took" then took[#took + 1] = { rest, tonumber(number) }
        elseif word == "torn" then fail("a message was torn: %s", line)
        elseif word == "slow" then totals.slowest = math.max(totals.slowest, tonumber(rest)) end
      end
      consumers[#consumers + 1] = took
      os.remove(path)
    end
  end
  return tried, is_in, consumers
end

local function check_order(took)
  local last = {}
  for _, m in ipairs(took) do
    if m[2] <= (last[m[1]] or 0) then fail("message %d of %s came after %d", m[2], m[1], last[m[1]]) end
    last[m[1]] = m[2]
  end
end

local function check_logs()
  local tried, is_in, consumers = read_logs()
  local seen = {}
  for _, took in ipairs(consumers) do
    check_order(took)
    for _, m in ipairs(took) do
      local of_producer = seen[m[1]] or {}
      seen[m[1]] = of_producer
      if of_producer[m[2]] then fail("message %d of %s was taken twice", m[2], m[1]) end
      if m[2] > (tried[m[1]] or 0) then fail("message %d of %s was never put", m[2], m[1]) end
      of_producer[m[2]] = true
      totals.messages = totals.messages + 1
    end
  end
  local missing = 0
  for producer, count in pairs(is_in) do
    for number = 1, count do
      if not (seen[producer] and seen[producer][number]) then missing = missing + 1 end
    end
  end
  if missing > round.consumers_killed then
    fail("%d messages were lost, and only %d consumers were killed", missing, round.consumers_killed)
  end
  totals.lost = totals.lost + missing
  if totals.slowest > LONGEST then fail("somebody waited for %.3f s", totals.slowest) end
end

local function run_round(name, method)
  local kind = kinds[name]
  round = { name = name, kind = kind, method = method, started = 0, consumers_killed = 0, workers = {},
    folder = lfs.currentdir() .. "/round", stop = mm.processes.Queue() }
  lfs.mkdir(round.folder)
  round.writer, round.reader = kind.make()
  for place = 1, WORKERS do start_worker(place) end
  for _ = 1, methods[method].deaths do
    mm.sleep(math.random() * methods[method].pause)
    local place = math.random(WORKERS)
    kill_worker(place)
    start_worker(place)
  end
  round.stop:put(true)
  join_workers("put")
  kind.finish(round.writer)
  join_workers()
  check_logs()
  lfs.rmdir(round.folder)
end

-- All of it ---------------------------------------------------------------------------------------------------

local function count_descriptors()
  local count = 0
  for _ in lfs.dir("/proc/self/fd") do count = count + 1 end
  return count
end

-- The memory that the segment takes: it is one of the open descriptors.
local function segment_kib()
  for fd in lfs.dir("/proc/self/fd") do
    local path = "/proc/self/fd/" .. fd
    local target = lfs.symlinkattributes(path, "target") or ""
    if target:find("memfd:", 1, true) then return (lfs.attributes(path, "blocks") or 0) / 2 end
  end
  return 0
end

local plan = {}
for name in pairs(kinds) do plan[#plan + 1] = name end
table.sort(plan)

local until_time, rounds, most_descriptors, most_kib = mm.time() + seconds, 0, nil, 0
local order = { "fork", "fork", "forkserver", "fork", "spawn" }
repeat
  run_round(plan[rounds % #plan + 1], order[rounds % #order + 1])
  collectgarbage()
  collectgarbage()
  rounds = rounds + 1
  local descriptors, kib = count_descriptors(), segment_kib()
  -- By then each kind of channel, and the fork server, has been used.
  if rounds <= #plan then most_descriptors, most_kib = descriptors, math.max(most_kib, kib) end
  if rounds > #plan and descriptors > most_descriptors then fail("%d descriptors, were %d", descriptors,
    most_descriptors) end
  if kib > most_kib + GROWTH_KIB then fail("the segment grew from %d to %d KiB", most_kib, kib) end
until mm.time() > until_time

print(("%d deaths, %d messages, %d taken along by the dead, longest wait %.0f ms"):format(totals.deaths,
    totals.messages,
  totals.lost, totals.slowest * 1000))
