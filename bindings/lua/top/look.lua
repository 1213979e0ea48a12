-- SPDX-License-Identifier: MIT
-- Looks at a running program: what its memory says (cli/inspect.c), what the system says of its processes and threads,
-- and where its threads are (profile/attaching.h: it is profiled for a moment, and slowly).
--
-- A look is what native.inspect returns, and more for each worker:
--   cpu            share of a processor, lately
--   bytes          memory: of the process that it is, or of its VM; nil: not known
--   busy_share     of a pool's worker: share of its time in which it ran calls, lately; at first, in all
--   calls_rate, in_rate, out_rate    a second, lately
--   state          what its thread did at the last sample, as in a profile; nil: not known
--   call           { name, file, line } of the script's innermost function; nil: not known
--   lock           { text, place, holder }: its endless wait, for a lock or else; nil: none
-- The first of the workers is the program's first thread. Tasks that wait for a lock are listed behind the workers.
local require, native = ...

local tree = require("profile.tree")

local look = {}

-- Samples a second, seconds after which a profile ends by itself, and how much of one is read.
look.RATE, look.LASTS, look.SHEETS = 50, 3, 64
-- Seconds for which a sample counts.
local STALE = 3

local function key_of(pid, thread) return ("%.0f/%.0f"):format(pid, thread) end

-- The stacks --------------------------------------------------------------------------------------------

-- Asks for samples; → a number for look.finish; or nil, and why there are none, unless another program has it profiled
-- just now.
function look.begin(pid)
  local generation, why, is_busy = native.profile_attach(pid, look.RATE, look.LASTS)
  if generation then return generation end
  return nil, not is_busy and why or nil
end

local function call_of(thread)
  for _, call in ipairs(thread.calls) do
    if call.f.kind == "lua" then return { name = call.f.name, file = call.f.file, line = call.line } end
  end
end

-- What was sampled, by thread.
function look.finish(pid, generation)
  local found = native.profile_read(pid, generation, look.SHEETS)
  native.profile_detach(pid, generation)
  local threads = {}
  for _, thread in ipairs(found and tree.present(found) or {}) do
    threads[key_of(thread.pid, thread.thread)] = thread
  end
  return threads
end

-- Names ---------------------------------------------------------------------------------------------------

-- A function that names the thread or task with this pid and name in an execution context.
local function namer(view)
  local names, processes = {}, {}
  for _, wait in ipairs(view.waits) do names[key_of(wait.pid, wait.thread)] = wait.name end
  for _, worker in ipairs(view.workers) do
    if worker.thread ~= 0 then names[key_of(worker.pid, worker.thread)] = worker.name end
    if worker.pid == worker.tid then processes[worker.pid] = worker.name end
  end
  return function(pid, thread)
    local name = names[key_of(pid, thread)] or processes[pid]
    if name then return name end
    return pid == view.processes[1] and "MainProcess" or ("process %.0f"):format(pid)
  end
end

local function add_lock(worker, wait, name_of)
  local holder = wait.holder and name_of(wait.holder, wait.holder_thread)
  worker.lock = { text = wait.text, place = wait.place, holder = holder }
end

local function add_waits(view)
  local name_of, by_thread = namer(view), {}
  for _, worker in ipairs(view.workers) do by_thread[key_of(worker.pid, worker.thread)] = worker end
  for _, wait in ipairs(view.waits) do
    local worker = by_thread[key_of(wait.pid, wait.thread)]
    if not worker and wait.name == "MainProcess" and wait.pid == view.processes[1] then worker = view.workers[1] end
    if not worker and wait.is_for_lock then
      worker = { name = wait.name, pid = wait.pid, tid = 0, thread = wait.thread, phase = "running", awake = 0,
        task = 0, age = 0, is_task = true }
      table.insert(view.workers, worker)
    end
    if worker and not wait.is_idle then add_lock(worker, wait, name_of) end
  end
end

-- Figures -------------------------------------------------------------------------------------------------

-- The busy seconds of a pool's worker, those of the call that it runs among them.
local function busy_of(worker)
  if worker.task == 0 then return worker.busy end
  return worker.busy + math.min(worker.seconds, math.max(0, worker.awake - worker.busy))
end

local function share(part, whole) return whole > 0 and math.max(0, math.min(1, part / whole)) or 0 end

local function add_rates(worker, old, passed)
  worker.ran = native.thread_time(worker.pid, worker.tid) or 0
  if old and old.ran then worker.cpu = share(worker.ran - old.ran, passed) end
  if worker.awake <= 0 then return end
  worker.busy_now = busy_of(worker)
  worker.busy_share = share(worker.busy_now, worker.awake)
  if not old or not old.busy_now then return end
  worker.busy_share = share(worker.busy_now - old.busy_now, passed)
  worker.calls_rate = math.max(0, worker.tasks - old.tasks) / passed
  worker.in_rate = math.max(0, worker.bytes_in - old.bytes_in) / passed
  worker.out_rate = math.max(0, worker.bytes_out - old.bytes_out) / passed
end

-- A thread that did not answer this time is where it was a moment ago.
local function add_thread(worker, thread, old, now)
  if thread then
    worker.heap = thread.heap > 0 and thread.heap or nil
    worker.state, worker.call, worker.sampled_at = thread.state, call_of(thread), now
  elseif old and old.sampled_at and now - old.sampled_at < STALE then
    worker.heap, worker.state, worker.call, worker.sampled_at = old.heap, old.state, old.call, old.sampled_at
  end
end

local function add_main(view)
  local pid = view.processes[1]
  for _, worker in ipairs(view.workers) do
    if worker.pid == pid and worker.tid == pid then return end
  end
  table.insert(view.workers, 1, { name = "MainProcess", pid = pid, tid = pid, thread = 0, phase = "running", awake = 0,
    task = 0, age = 0, is_main = true })
end

-- The look at the program; before: the look before, or nil; threads: what look.finish returned, or nil. Or nil and why.
function look.at(pid, before, threads)
  local view, why = native.inspect(pid)
  if not view then return nil, why end
  view.at, view.resident, view.by_thread, view.by_place = native.time(), 0, {}, {}
  local passed = before and view.at - before.at or 0
  local memory = {}
  for _, process in ipairs(view.processes) do
    memory[process] = native.process_memory(process) or 0
    view.resident = view.resident + memory[process]
  end
  if view.processes[1] then add_main(view) end
  for _, worker in ipairs(view.workers) do
    local key = key_of(worker.pid, worker.tid)
    view.by_thread[key] = worker
    local old = before and before.by_thread[key]
    add_rates(worker, old, passed)
    add_thread(worker, threads and threads[key], old, view.at)
    worker.bytes = worker.pid == worker.tid and memory[worker.pid] or worker.heap
  end
  for _, ring in ipairs(view.rings) do
    local old = before and before.by_place[ring.place]
    view.by_place[ring.place] = ring
    if old and passed > 0 then ring.rate = math.max(0, ring.put - old.put) / passed end
  end
  add_waits(view)
  return view
end

-- The programs of this user, but for this one: { pid, processes, workers, rings, resident, command }.
function look.programs()
  local own, sizes, list = native.pid(), {}, {}
  for pid, first in pairs(native.programs()) do
    if first ~= 0 then sizes[first] = (sizes[first] or 0) + (native.process_memory(pid) or 0) end
  end
  for first, resident in pairs(sizes) do
    local view = first ~= own and native.inspect(first)
    if view then
      list[#list + 1] = { pid = first, processes = #view.processes, workers = #view.workers, rings = #view.rings,
        resident = resident, command = native.process_command(first) or "" }
    end
  end
  table.sort(list, function(a, b) return a.pid < b.pid end)
  return list
end

return look
