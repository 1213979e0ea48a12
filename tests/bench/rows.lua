-- SPDX-License-Identifier: MIT
-- The benchmarks: a list of rows, each the same work for several contenders.
--
-- A row has a name (for ONLY=), a title, a metric of the programs' output, its unit, and whether more or less is
-- better; `one_core` names the metric and unit that are measured again with everything on one core; `note` is a
-- sentence for the reader. A contender has a name, a command (machine.lua has the words in braces) and a side: "ours";
-- "peer", of which ours are compared with the best; or "reference", which is only shown. Its `target` is {most=N} or
-- {least=N}, in the unit, or as a multiple of the figure of the contender named in `of`.
--
-- A row that says `runs` takes so many of each contender.
--
-- The counts in the commands make a run last some tenths of a second.
local function ours(name, world, command, target)
  return { name = "manymoons " .. world .. " " .. name, side = "ours", world = world, target = target,
    command = "{manymoons} --world " .. world .. " {lua}/" .. command }
end

local function python(name, command)
  return { name = "Python " .. name, side = "peer", command = "{python} {python_dir}/" .. command }
end

-- Threads of one Python take turns and pass references: the peer of the world `threads`.
local function python_threads(name, command)
  local contender = python(name .. " of threads", command)
  contender.side = "reference"
  return contender
end

local function node(name, command)
  return { name = "Node " .. name, side = "peer", command = "{node} {node_dir}/" .. command }
end

local function reference(name, command)
  return { name = "C " .. name, side = "reference", command = "{reference} " .. command }
end

local function join(...)
  local all = {}
  for _, list in ipairs{ ... } do
    for _, item in ipairs(list) do all[#all + 1] = item end
  end
  return all
end

-- An echo server beside threads that compute, under one lock: our two schedules, and Python's.
local function convoy(spinners)
  local command = "{manymoons} --world threads {scripts}/convoy.lua 1 " .. spinners
  return {
    { name = "manymoons threads, fair", side = "ours", world = "threads", command = command },
    { name = "manymoons threads, legacy", side = "reference", world = "threads",
      command = "env MANYMOONS_GIL=legacy " .. command },
    python("threads", "convoy.py 1 " .. spinners),
  }
end

local function convoy_row(spinners, metric, most)
  local contenders = convoy(spinners)
  contenders[1].target = { most = most }
  return {
    name = ("convoy-%s-%d"):format(metric, spinners), metric = metric, unit = "us", better = "less",
    title = ("Echo beside %d computing threads, %s"):format(spinners, metric), contenders = contenders,
    note = "The client is a separate process that pauses for 0.5 ms; `scripts/convoy.lua` shows the other figures.",
  }
end

-- Tasks of one thread, and asyncio's; counts: ours and Python's.
local function broker_row(what, title, metric, unit, better, target, count, peer, note)
  return {
    name = "broker-" .. what, title = title, metric = metric, unit = unit, better = better, note = note,
    contenders = {
      { name = "manymoons", side = "ours", world = "broker", target = target,
        command = ("{manymoons} {lua}/broker.lua %s %d"):format(what, count) },
      peer,
    },
  }
end

local function tasks_row(mode, title, metric, unit, better, target, counts, note)
  local function command(runner, program, count)
    return ("%s %s %s %s"):format(runner, program, mode, count)
  end
  return {
    name = "tasks-" .. mode, title = title, metric = metric, unit = unit, better = better, note = note,
    contenders = {
      { name = "manymoons async", side = "ours", world = "async", target = target,
        command = command("{manymoons} --world async", "{lua}/tasks.lua", counts[1]) },
      { name = "manymoons async, LuaJIT", side = "reference",
        command = command("{luajit}", "{lua}/tasks.lua", counts[1]) },
      python("asyncio", ("tasks.py %s %s"):format(mode, counts[2])),
    },
  }
end

local function echo_server_row()
  local load = "{load} 100 100000 "
  return {
    name = "tasks-server", title = "Echo server, 100 connections, 64 bytes each way", metric = "rate", unit = "k/s",
    better = "more", note = "The clients are one C program; sockets are luasocket's, and asyncio's streams.",
    contenders = {
      { name = "manymoons async", side = "ours", world = "async",
        target = { least = 3, of = "Python asyncio, streams" },
        command = load .. "{manymoons} --world async {lua}/tasks.lua server" },
      { name = "manymoons async, LuaJIT", side = "reference", command = load .. "{luajit} {lua}/tasks.lua server" },
      { name = "Python asyncio, streams", side = "peer",
        command = load .. "{python} {python_dir}/tasks.py server streams" },
      { name = "Python asyncio, protocol", side = "peer",
        command = load .. "{python} {python_dir}/tasks.py server protocol" },
    },
  }
end

-- A command for each of so many lines.
local function of_lines(name, side, count, command, target)
  return { name = name, side = side, target = target, world = side == "ours" and "interpreters" or nil,
    command = ('{manymoons} {lua}/map.lua %d "%s"'):format(count, command) }
end

local function map_row(what, title, note, contenders)
  return { name = "map-" .. what, title = "manymoons map: " .. title, metric = "rate", unit = "k/s", better = "more",
    note = note, contenders = contenders }
end

local COMPUTING = [[local s = 0 for i = 1, 20 do s = s + x % i end return s]]
local COMPUTING_IN_AWK = [[{ s = 0; for (i = 1; i <= 20; i++) s += \$1 % i; print s }]]

local WORLDS = { "interpreters", "processes" }

-- The same command in both worlds.
local function in_both(name, command, target)
  return { ours(name, "interpreters", command, target), ours(name, "processes", command, target) }
end

-- One producer, one consumer. `counts` are those of manymoons, of Python and of Node.
local function stream(value, target, counts)
  local function words(channel, count) return (" %s %s %d"):format(channel, value, count) end
  return join(
    in_both("Queue", "stream.lua" .. words("queue", counts[1]), target),
    in_both("Pipe", "stream.lua" .. words("pipe", counts[1]), target),
    {
      python("Queue", "stream.py" .. words("Queue", counts[2])),
      python("SimpleQueue", "stream.py" .. words("SimpleQueue", counts[2])),
      python("Pipe", "stream.py" .. words("Pipe", counts[2])),
      node("postMessage", "stream.js" .. words("clone", counts[3])),
    }
  )
end

-- One large value at a time, by request and answer.
local function transfer(value, target, counts)
  local function words(channel, count) return (" %s %s %d"):format(channel, value, count) end
  return join(in_both("Queue", "transfer.lua" .. words("queue", counts[1]), target), {
    python("Queue", "transfer.py" .. words("Queue", counts[2])),
    python("SimpleQueue", "transfer.py" .. words("SimpleQueue", counts[2])),
    python("Pipe", "transfer.py" .. words("Pipe", counts[2])),
    node("postMessage", "transfer.js" .. words("clone", counts[3])),
  })
end

local function codec(value, target, counts)
  return {
    ours("dumps, loads", "interpreters", ("codec.lua %s %d"):format(value, counts[1]), target),
    python("pickle protocol 5", ("codec.py %s %d"):format(value, counts[2])),
    node("v8.serialize", ("codec.js v8 %s %d"):format(value, counts[3])),
    node("JSON", ("codec.js JSON %s %d"):format(value, counts[3])),
  }
end

local function echo(mode, target, counts)
  local function words(channel, count) return (" %s %s %d"):format(channel, mode, count) end
  return join(
    in_both("Queue", "echo.lua" .. words("queue", counts[1]), target),
    in_both("Pipe", "echo.lua" .. words("pipe", counts[1]), target),
    {
      python("Queue", "echo.py" .. words("Queue", counts[2])),
      python("SimpleQueue", "echo.py" .. words("SimpleQueue", counts[2])),
      python("Pipe", "echo.py" .. words("Pipe", counts[2])),
      python_threads("queue.Queue", "echo.py" .. words("thread.Queue", counts[2])),
      python_threads("queue.SimpleQueue", "echo.py" .. words("thread.SimpleQueue", counts[2])),
      node("postMessage", ("echo.js %s %d"):format(mode, counts[3])),
    }
  )
end

-- Two producers and two consumers, beside one and one in the same run.
local function crowd()
  local list = {}
  for _, world in ipairs(WORLDS) do
    local alone = ours("Queue 1:1", world, "stream.lua queue integer 1000000")
    list[#list + 1] = alone
    local target = { least = 0.8, of = alone.name }
    list[#list + 1] = ours("Queue 2:2", world, "stream.lua queue integer 1000000 2 2", target)
  end
  return join(list, {
    python("Queue 2:2", "stream.py Queue integer 50000 2 2"),
    python("SimpleQueue 2:2", "stream.py SimpleQueue integer 50000 2 2"),
    python_threads("queue.Queue 2:2", "stream.py thread.Queue integer 50000 2 2"),
    python_threads("queue.SimpleQueue 2:2", "stream.py thread.SimpleQueue integer 500000 2 2"),
  })
end

-- counts: ours, then those of the peers; false: the peer has no such feature.
local function pool(mode, counts, target)
  local function words(kind, count) return ("pool.py %s %s %d"):format(kind, mode, count) end
  local list = in_both("Pool", ("pool.lua %s %d"):format(mode, counts[1]), target)
  for i, kind in ipairs{ "Pool", "ProcessPoolExecutor", "ThreadPoolExecutor" } do
    local name = kind == "Pool" and "multiprocessing.Pool" or kind
    if counts[i + 1] then list[#list + 1] = python(name, words(kind, counts[i + 1])) end
  end
  if counts[5] then list[#list + 1] = node("pool by hand", ("pool.js %s %d"):format(mode, counts[5])) end
  return list
end

-- Locks and shared memory: ours, then Python's of processes, and of threads where they have it.
local function shared_row(mode, title, counts, note)
  local list = in_both("", ("shared.lua %s %d"):format(mode, counts[1]))
  list[#list + 1] = python("multiprocessing", ("shared.py %s %d"):format(mode, counts[2]))
  local threads = counts[3] and ("shared.py %s %d thread"):format(mode, counts[3])
  if threads then list[#list + 1] = python_threads("threading", threads) end
  return {
    name = "shared-" .. mode, title = title, metric = "time", unit = "ns", better = "less", note = note,
    contenders = list,
  }
end

-- The calls themselves, without a pool: a bound that no pool can beat.
local function no_pool(count)
  return { name = "manymoons, a plain loop", side = "reference",
    command = "{manymoons} --world serial {lua}/pool.lua loop " .. count }
end

-- One thread of plain Lua: the cost of a VM lock without other threads.
local function alone_row(mode, title)
  return {
    name = "alone-" .. mode, title = "One thread alone: " .. title, metric = "time", unit = "s", better = "less",
    contenders = {
      { name = "manymoons", side = "ours", world = "threads", target = { most = 1.02, of = "lua5.4" },
        command = "{manymoons} --world threads {lua}/alone.lua " .. mode },
      { name = "lua5.4", side = "reference", command = "{lua54} {lua}/alone.lua " .. mode },
    },
  }
end

-- Lua's own library, with waits that leave the lock.
local function lines_row()
  return {
    name = "lines", title = "io.lines of a file with a million lines, for each line", metric = "time", unit = "ns",
    better = "less", note = "The best of three, in time of the processor; the file is in memory.",
    contenders = {
      { name = "manymoons", side = "ours", world = "threads", target = { most = 1, of = "lua5.4" },
        command = "{manymoons} --world threads {lua}/lines.lua" },
      { name = "lua5.4", side = "reference", command = "{lua54} {lua}/lines.lua" },
    },
  }
end

-- What the sampler of a profile costs, with the processor time of its own thread.
local function profiled_row()
  local plain, profiled = "{manymoons} --world threads ", "profile --format folded -o /dev/null "
  local command = "{lua}/alone.lua fib"
  return {
    name = "profiled", title = "One thread, profiled 100 times a second", metric = "time", unit = "s",
    better = "less", runs = 11,
    note = "Processor time of the process; the target is the median of the ratios of runs that follow each other.",
    contenders = {
      { name = "manymoons profile", side = "ours", world = "threads", target = { most = 1.03, of = "manymoons" },
        command = plain .. profiled .. command .. " 2>/dev/null" },
      { name = "manymoons", side = "reference", command = plain .. command },
    },
  }
end

local COST = { metric = "cost", unit = "us" }
local THREADS_PASS_REFERENCES = "Threads of one Python process run one at a time and pass references, so that "
  .. "nothing is copied: they are shown, but not counted as peers."
local THREADS_SHARE = "A Python thread has no interpreter of its own; a Node Worker has one."
local TRANSFER = "With `transfer` the sender transfers a copy of the bytes that it makes for each message."

return {
  {
    name = "integers", title = "1:1, small integers", metric = "rate", unit = "M/s", better = "more",
    one_core = COST,
    note = THREADS_PASS_REFERENCES,
    contenders = join(stream("integer", { least = 5 }, { 1500000, 50000, 200000 }), {
      python_threads("queue.Queue", "stream.py thread.Queue integer 100000"),
      python_threads("queue.SimpleQueue", "stream.py thread.SimpleQueue integer 1000000"),
    }),
  },
  {
    name = "strings-1KiB", title = "1:1, strings of 1 KiB", metric = "rate", unit = "M/s", better = "more",
    one_core = COST,
    contenders = stream("1KiB", { least = 2.5 }, { 500000, 40000, 80000 }),
  },
  {
    name = "strings-1MiB", title = "1:1, strings of 1 MiB", metric = "throughput", unit = "GB/s", better = "more",
    one_core = COST, note = TRANSFER,
    contenders = join(stream("1MiB", { least = 8 }, { 3000, 100, 150 }), {
      node("postMessage, transfer", "stream.js transfer 1MiB 300"),
    }),
  },
  {
    name = "records", title = "1:1, a record of a hundred values", metric = "rate", unit = "M/s", better = "more",
    one_core = COST,
    contenders = stream("record", { least = 0.15 }, { 60000, 20000, 15000 }),
  },
  {
    name = "doubles", title = "One table of a million doubles", metric = "time", unit = "ms", better = "less",
    note = "From the request to a worker until the value is there.",
    contenders = transfer("doubles1e6", { most = 30 }, { 8, 3, 4 }),
  },
  {
    name = "strings-64MiB", title = "One string of 64 MiB", metric = "throughput", unit = "GB/s", better = "more",
    note = "From the request to a worker until the value is there. " .. TRANSFER,
    contenders = join(transfer("64MiB", nil, { 8, 2, 4 }), {
      node("postMessage, transfer", "transfer.js transfer 64MiB 6"),
    }),
  },
  {
    name = "codec-record", title = "Encode and decode alone: a record", metric = "time", unit = "us", better = "less",
    contenders = codec("record", { most = 12 }, { 30000, 20000, 10000 }),
  },
  {
    name = "codec-doubles", title = "Encode and decode alone: 100,000 doubles", metric = "time", unit = "us",
    better = "less",
    contenders = codec("doubles1e5", { most = 3000 }, { 80, 40, 25 }),
  },
  {
    name = "round-trip", title = "Round trip, awake", metric = "time", unit = "us", better = "less",
    note = "Each round trip follows the last at once; the mean. " .. THREADS_PASS_REFERENCES,
    contenders = echo("awake", { most = 1 }, { 200000, 3000, 4000 }),
  },
  {
    name = "round-trip-asleep", title = "Round trip, asleep", metric = "time", unit = "us", better = "less",
    note = "There is a pause of a millisecond between two, in which the worker falls asleep; the median.",
    contenders = join(
      { reference("futex", "futex 150") },
      echo("asleep", { most = 1.3, of = "C futex" }, { 150, 150, 150 })
    ),
  },
  {
    name = "start-interpreter", title = "Start and join an interpreter", metric = "time", unit = "us", better = "less",
    note = THREADS_SHARE,
    contenders = {
      ours("Process", "interpreters", "start.lua fork 1000", { most = 100 }),
      python("Thread", "start.py thread 2000"),
      node("Worker", "start.js 10"),
      reference("thread", "thread 3000"),
    },
  },
  {
    name = "start-fork", title = "Start and join a process: fork", metric = "time", unit = "us", better = "less",
    contenders = {
      ours("fork", "processes", "start.lua fork 500", { most = 1.5, of = "C fork and wait" }),
      python("fork", "start.py fork 100"),
      reference("fork and wait", "fork 1000"),
    },
  },
  {
    name = "start-forkserver", title = "Start and join a process: fork server", metric = "time", unit = "us",
    better = "less",
    contenders = {
      ours("forkserver", "processes", "start.lua forkserver 500"),
      python("forkserver", "start.py forkserver 20"),
    },
  },
  {
    name = "start-spawn", title = "Start and join a process: spawn", metric = "time", unit = "us", better = "less",
    contenders = {
      ours("spawn", "processes", "start.lua spawn 150"),
      python("spawn", "start.py spawn 5"),
    },
  },
  {
    name = "crowd", title = "Small integers, two producers and two consumers", metric = "rate", unit = "M/s",
    better = "more", note = THREADS_PASS_REFERENCES,
    contenders = crowd(),
  },
  {
    name = "memory-interpreter", title = "Memory of an idle interpreter", metric = "memory", unit = "KiB",
    better = "less",
    note = "The growth of the private memory of the process. " .. THREADS_SHARE,
    contenders = {
      ours("Process", "interpreters", "idle.lua fork 64", { most = 50 }),
      python("Thread", "idle.py thread 64"),
      node("Worker", "idle.js 6"),
    },
  },
  {
    name = "memory-process", title = "Memory of an idle process", metric = "memory", unit = "KiB", better = "less",
    note = "The pages that are private to the process, or became so because it wrote to them.",
    contenders = {
      ours("fork", "processes", "idle.lua fork 16", { most = 1024 }),
      ours("forkserver", "processes", "idle.lua forkserver 16", { most = 1024 }),
      ours("spawn", "processes", "idle.lua spawn 16", { most = 1024 }),
      python("fork", "idle.py fork 8"),
      python("forkserver", "idle.py forkserver 8"),
      python("spawn", "idle.py spawn 4"),
    },
  },
  {
    name = "pool-map", title = "Pool of two: map of tiny tasks, one by one", metric = "rate", unit = "k/s",
    better = "more",
    note = "`chunksize=1`.",
    contenders = pool("map", { 50000, 10000, 3000, 10000, 40000 }, { least = 1000 }),
  },
  {
    name = "pool-squares", title = "Pool of two: map of 100,000 squares", metric = "rate", unit = "k/s",
    better = "more",
    note = "Without `chunksize`; Python's executors do not choose one and take items one by one.",
    contenders = join(pool("squares", { 100000, 100000, 3000, 10000, 40000 }, { least = 5000 }), { no_pool(100000) }),
  },
  {
    name = "pool-cpu", title = "Pool of two: calls that compute", metric = "speedup", unit = "times", better = "more",
    note = "Compared with the same calls without a pool.",
    contenders = pool("cpu", { 24, 24, 24, 24, false }, { least = 1.95 }),
  },
  {
    name = "pool-stragglers", title = "Pool of two: four calls of 0.1 s in front of 28 of 1 ms", metric = "total",
    unit = "s", better = "less",
    note = "Two cores can do it in 0.214 s.",
    contenders = join(pool("stragglers", { 32, 32, 32, 32, false }, { most = 0.235 }), {
      reference("OpenMP, guided", "guided 32"), reference("OpenMP, dynamic", "dynamic 32"),
    }),
  },
  {
    name = "pool-strings", title = "Pool of two: strings of 1 MiB, sent and returned", metric = "rate", unit = "GB/s",
    better = "more",
    contenders = pool("strings", { 200, 100, 100, 100, false }),
  },
  {
    name = "pool-open", title = "Pool of four, started and stopped", metric = "time", unit = "us", better = "less",
    note = "Python starts its workers lazily: with one call each.",
    contenders = (function()
      local list = pool("open", { 50, 5, 5, 50, false })
      list[1].target, list[2].target = { most = 1000 }, { most = 4000 }
      return list
    end)(),
  },
  {
    name = "pool-apply", title = "Pool of two: apply, one after the other", metric = "time", unit = "us",
    better = "less",
    contenders = pool("apply", { 10000, 1500, 1000, 4000, 6000 }, { most = 5 }),
  },
  shared_row("lock", "A lock, acquired and released, uncontended", { 2000000, 1000000, 1000000 },
    "Our lock knows its holder and detects the holder's death; Python's is a semaphore that does not."),
  shared_row("contended", "A shared counter, two workers, with a lock", { 500000, 200000 }),
  shared_row("counter", "A shared counter, two workers, in one atomic step", { 1000000, 100000 },
    "Python's Value has no atomic step: each change takes its lock."),
  shared_row("element", "An element of a shared array, read and written", { 2000000, 1000000 }),
  {
    name = "shared-table", title = "A key of a shared table, read and written", metric = "time", unit = "ns",
    better = "less", note = "Python uses a manager's dict for this.",
    contenders = join(in_both("Table", "shared.lua table 1000000", { most = 2000 }),
      in_both("Manager", "shared.lua manager 20000"), { python("Manager", "shared.py manager 10000") }),
  },
  {
    name = "frozen-field", title = "A field of a frozen table, read", metric = "time", unit = "ns", better = "less",
    note = "Python uses a manager's dict for this. A plain table belongs to one VM.",
    contenders = join(in_both("frozen", "shared.lua frozen 3000000"), {
      { name = "manymoons, a plain table", side = "reference",
        command = "{manymoons} --world serial {lua}/shared.lua plain 3000000" },
      python("Manager", "shared.py managed 10000"),
    }),
  },
  {
    name = "frozen-send", title = "A table of 100,000 records, sent and received", metric = "time", unit = "ns",
    better = "less",
    contenders = join(in_both("frozen", "shared.lua frozen-send 100000", { most = 4000 }),
      in_both("plain table", "shared.lua plain-send 5"), { python("Queue", "shared.py plain-send 3") }),
  },
  {
    name = "actor", title = "Calls of an object in a worker of its own", metric = "rate", unit = "/s", better = "more",
    note = "Python has no actors: the object is a manager's, and the calls are those of its proxy.",
    contenders = join(in_both("Actor, each call waited for", "actor.lua call 20000"),
      in_both("Actor, a hundred submitted", "actor.lua submit 50000"),
      in_both("Actor, sent", "actor.lua send 100000", { least = 100000 }),
      { python("Manager", "actor.py 10000") }),
  },
  tasks_row("sleep", "10,000 tasks that sleep for a second", "time", "s", "less", { most = 1.1 }, { 10000, 10000 }),
  tasks_row("memory", "Memory of each of 10,000 sleeping tasks", "memory", "KiB", "less", { most = 2 },
    { 10000, 10000 }, "Resident memory."),
  tasks_row("switch", "A switch between tasks", "time", "us", "less", { most = 0.3 }, { 1000000, 200000 }),
  echo_server_row(),
  broker_row("tasks", "A pool on Redis, two workers: tasks one by one", "rate", "/s", "more", { least = 13000 }, 40000,
    python("RQ-like", "broker.py tasks 4000"),
    "With an append-only file. Python sends the commands of RQ's SimpleWorker, and loses the tasks of a dead worker."),
  broker_row("items", "A pool on Redis, two workers: items of a list", "rate", "/s", "more",
    { least = 200000 }, 500000),
  broker_row("trip", "A pool on Redis: one call after the other", "time", "us", "less", nil, 1000,
    python("RQ-like", "broker.py trip 1000")),
  broker_row("memory", "A pool on Redis: memory in the server after 100,000 tasks", "memory", "KiB", "less",
    { most = 1024 }, 100000),
  broker_row("idle", "A pool on Redis: commands of an idle worker", "rate", "/s", "less", { most = 2 }, 20),
  alone_row("fib", "Fibonacci numbers"),
  alone_row("nbody", "n-body"),
  alone_row("strings", "strings"),
  alone_row("tables", "tables"),
  profiled_row(),
  lines_row(),
  map_row("jobs", "x * 2 for each line", "The others start a program for each line.", {
    of_lines("manymoons map", "ours", 1000000, "{manymoons} map 'x * 2'", { least = 100, of = "GNU parallel" }),
    of_lines("GNU parallel", "peer", 100, "{parallel} expr 2 '\\*'"),
    of_lines("xargs -P 2", "peer", 1000, "{xargs} -P 2 -n 1 expr 2 '*'"),
  }),
  map_row("lines", "x * 2 for each line, on one core", nil, {
    of_lines("manymoons map -j1", "ours", 4000000, "{taskset} -c 0 {manymoons} map -j1 'x * 2'",
      { least = 0.5, of = "mawk" }),
    of_lines("mawk", "peer", 4000000, "{taskset} -c 0 {mawk} '{ print \\$1 * 2 }'"),
  }),
  map_row("computing", "twenty divisions for each line", nil, {
    of_lines("manymoons map", "ours", 500000, "{manymoons} map '" .. COMPUTING .. "'", { least = 1, of = "mawk" }),
    of_lines("mawk", "peer", 500000, "{mawk} '" .. COMPUTING_IN_AWK .. "'"),
  }),
  {
    name = "spinners", title = "Two computing threads in one VM", metric = "time", unit = "s", better = "less",
    contenders = {
      { name = "manymoons threads", side = "ours", world = "threads",
        target = { most = 1.05, of = "one after the other" },
        command = "{manymoons} --world threads {lua}/alone.lua spinners" },
      { name = "one after the other", side = "reference",
        command = "{manymoons} --world serial {lua}/alone.lua spinners" },
    },
  },
  convoy_row(1, "median", 300),
  convoy_row(1, "p99", 2000),
  convoy_row(4, "median", 300),
  convoy_row(4, "p99", 2000),
}
