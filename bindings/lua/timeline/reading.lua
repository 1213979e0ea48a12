-- SPDX-License-Identifier: MIT
-- Recorded runs (Chrome's trace format, as MANYMOONS_TRACE writes it): as one trace, and as lanes for the page.
--
-- A recording is { world, workers, trace, stacks }; the trace is the decoded JSON. In the merged trace all runs start
-- at 0, processes are named after their worlds, and the ids of messages are distinct. A lane is one thread:
--
--   { world, pid, tid, vm, process, thread, spans = {kind, start, length, name, …}, tasks = the same,
--     samples = {start, length, name, share that it stood ready, …} }
--
-- These are flat lists of whole tenths of microseconds, because there may be a hundred thousand. The spans of a
-- thread do not overlap; longer ones around them (a worker's life, a task) are in `tasks`. Names are indices of the
-- recording's list. Samples are what a profile of the same run saw; `stacks` names the function of a stack of a
-- process (profile/tree.lua). A lane is in the place of its thread: the main one first, workers by their numbers.
local require = ...

local json = require("core.json")

local PID_BEYOND = 2 ^ 22 -- Linux has no larger pids
local TICKS = 10 -- in a microsecond

local KINDS = { ["holds the lock"] = 0, ["waits for the lock"] = 1 }
local BLOCKED, TASK, WORKER = 2, 3, 4
local SAMPLE = "P" -- the phase of an event
local PERCENT = 100

local timelines = {}

-- Reading -------------------------------------------------------------------------------------------------------------

local function problem_of(text, trace, why)
  if text == "" then return "nothing was recorded" end
  if not trace then return why end
  if type(trace) ~= "table" or type(trace.traceEvents) ~= "table" then return "traceEvents are missing" end
end

-- Reads { world, workers, text, stacks } for each run: returns the recordings, and { world, why } for each invalid
-- text.
function timelines.read(cells)
  local recordings, missing = {}, {}
  for _, cell in ipairs(cells) do
    local trace, why
    if cell.text ~= "" then trace, why = json.decode(cell.text) end
    local problem = problem_of(cell.text, trace, why)
    if problem then
      missing[#missing + 1] = { world = cell.world, why = problem }
    else
      recordings[#recordings + 1] = { world = cell.world, workers = cell.workers, trace = trace,
        stacks = cell.stacks }
    end
  end
  return recordings, missing
end

-- The text of a recording for other programs, which know nothing of samples. The recorder writes a line for each event.
function timelines.without_samples(text) return (text:gsub(',\n{"ph":"P"[^\n]*}}', "")) end

-- One trace of all ----------------------------------------------------------------------------------------------------

-- Returns a function from a pid of this recording to a distinct number: the pid, unless another recording has it.
local function new_pids(used)
  local known = {}
  return function(pid)
    if known[pid] then return known[pid] end
    local free = pid
    while used[free] do free = free + PID_BEYOND end
    used[free], known[pid] = true, free
    return free
  end
end

local function copy(event)
  local new = {}
  for key, value in pairs(event) do new[key] = value end
  return new
end

local function name_event(pid, name, value, key)
  return { ph = "M", name = name, pid = pid, tid = pid, ts = 0, args = { [key] = value } }
end

-- Adds the recording's events to `out`, with a name and a sort index for each process.
local function add_events(recording, index, pid_of, out)
  local names, label = {}, recording.world
  for _, event in ipairs(recording.trace.traceEvents) do
    local new = copy(event)
    new.pid = pid_of(event.pid)
    names[new.pid] = names[new.pid] or label
    if event.ph == "M" and event.name == "process_name" then
      names[new.pid] = label .. ": " .. event.args.name
    elseif event.ph ~= SAMPLE then -- of which other programs know nothing
      if event.id then new.id = label .. "/" .. tostring(event.id) end
      out[#out + 1] = new
    end
  end
  for pid, name in pairs(names) do
    out[#out + 1] = name_event(pid, "process_name", name, "name")
    out[#out + 1] = name_event(pid, "process_sort_index", index, "sort_index")
  end
end

-- `report` comes from compare/export.lua.
function timelines.merge(recordings, report)
  local events, used, others = json.list(), {}, {}
  for index, recording in ipairs(recordings) do
    add_events(recording, index, new_pids(used), events)
    others[recording.world] = recording.trace.otherData or {}
  end
  local about = { program = "manymoons compare", command = report.command, version = report.version, worlds = others }
  return { displayTimeUnit = "ms", otherData = about, traceEvents = events }
end

-- Lanes ---------------------------------------------------------------------------------------------------------------

local function ticks(microseconds) return math.floor(microseconds * TICKS + 0.5) end

-- Indices of names in a list, each name once.
local function new_names()
  local list, places = json.list(), {}
  return list, function(name)
    if not places[name] then
      list[#list + 1] = name
      places[name] = #list - 1 -- from 0, for JavaScript
    end
    return places[name]
  end
end

local function kind_of(event)
  if event.cat == "lock" then return KINDS[event.name] end
  if event.cat == "blocked" then return BLOCKED end
  if event.cat == "task" then return TASK end
  if event.cat == "worker" then return WORKER end
end

-- Returns a function from an event to the lane of its thread, created at the first use.
local function new_lanes(world)
  local lanes, by_thread = json.list(), {}
  return lanes, function(event)
    local key = event.pid .. "/" .. event.tid
    if not by_thread[key] then
      by_thread[key] = { world = world, pid = event.pid, tid = event.tid, vm = 1, thread = "", process = "",
        index = #lanes, events = {}, looks = {} }
      lanes[#lanes + 1] = by_thread[key]
    end
    return by_thread[key]
  end
end

local function note_metadata(event, lane_of, processes)
  local args = event.args or {}
  if event.name == "process_name" then
    processes[event.pid] = args.name
  elseif event.name == "thread_name" then
    lane_of(event).thread = args.name
  elseif event.name == "vm" then
    lane_of(event).vm = args.vm
  end
end

local function label_of_task(event)
  local number = event.args and event.args.task
  return number and string.format("%s %s", event.name, tostring(number)) or event.name
end

local function flatten(lane, place_of)
  local spans, tasks = json.list(), json.list()
  table.sort(lane.events, function(a, b) return a.ts < b.ts end)
  for _, event in ipairs(lane.events) do
    local kind = kind_of(event)
    local list = kind <= BLOCKED and spans or tasks
    local name = kind == TASK and label_of_task(event) or event.name
    local place = #list
    list[place + 1], list[place + 2] = kind, ticks(event.ts)
    list[place + 3], list[place + 4] = ticks(event.dur or 0), place_of(name)
  end
  lane.spans, lane.tasks, lane.events = spans, tasks, nil
end

-- What a thread ran is known at some moments; neighbours that found the same function are one sample.
local function flatten_looks(lane, name_of_stack, place_of)
  local samples, last, last_end = json.list(), nil, nil
  table.sort(lane.looks, function(a, b) return a.ts < b.ts end)
  for _, look in ipairs(lane.looks) do
    local from, to = ticks(math.max(0, look.ts - look.args.time)), ticks(look.ts)
    local name, ready = name_of_stack(lane.pid, look.args.stack), look.args.ready / math.max(1, look.args.time)
    local share = math.floor(ready * PERCENT + 0.5)
    if name then
      local place = place_of(name)
      if last and samples[last + 2] == place and samples[last + 3] == share and from - last_end < to - from then
        samples[last + 1] = to - samples[last]
      else
        last = #samples + 1
        samples[last], samples[last + 1], samples[last + 2], samples[last + 3] = from, to - from, place, share
      end
      last_end = to
    end
  end
  lane.samples, lane.looks = samples, nil
end

-- The events of a recording: those of lanes go there, and the others come back in lists by what they are.
local function sort_events(recording, lane_of)
  local processes, sent, taken = {}, {}, {}
  for _, event in ipairs(recording.trace.traceEvents) do
    if event.name == "process_sort_index" then
      processes.main = event.pid -- which recorded
    elseif event.ph == "M" then
      note_metadata(event, lane_of, processes)
    elseif event.ph == "X" and kind_of(event) then
      local events = lane_of(event).events
      events[#events + 1] = event
    elseif event.ph == SAMPLE then
      local looks = lane_of(event).looks
      looks[#looks + 1] = event
    elseif event.ph == "s" then
      sent[#sent + 1] = event
    elseif event.ph == "f" then
      taken[#taken + 1] = event
    end
  end
  return processes, sent, taken
end

local function kind_of_worker(lane) return (lane.thread:gsub("%d+$", "")) end

local function number_of(lane) return tonumber(lane.thread:match("(%d+)$")) or 0 end

-- When a lane begins, and where it stands in the file if others begin with it.
local function is_earlier(a, b) return a.since < b.since or (a.since == b.since and a.index < b.index) end

local function is_before(a, b)
  if a.is_main ~= b.is_main then return a.is_main end
  if a.first ~= b.first then return is_earlier(a.first, b.first) end
  if number_of(a) ~= number_of(b) then return number_of(a) < number_of(b) end
  return a.index < b.index
end

-- Puts lanes into the order of workers, and gives them their places. Kinds of workers stand in the order in which the
-- first of each began. A thread that did nothing has no lane.
local function sort_lanes(lanes, main)
  local kept, first_of = json.list(), {}
  for _, lane in ipairs(lanes) do
    local kind, events = kind_of_worker(lane), lane.events
    for _, event in ipairs(events) do lane.since = math.min(lane.since or event.ts, event.ts) end
    if #events > 0 then
      kept[#kept + 1] = lane
      if not first_of[kind] or is_earlier(lane, first_of[kind]) then first_of[kind] = lane end
    end
  end
  for _, lane in ipairs(kept) do
    lane.first, lane.is_main = first_of[kind_of_worker(lane)], lane.pid == main and lane.tid == lane.pid
  end
  table.sort(kept, is_before)
  for i, lane in ipairs(kept) do lane.place = i - 1 end
  return kept
end

-- {lane, ticks, lane, ticks, …}: the place of the lane and the time of each put, then those of its take.
local function messages_of(sent, taken, lane_of)
  local puts, messages = {}, json.list()
  for _, event in ipairs(sent) do puts[tostring(event.id)] = event end
  for _, event in ipairs(taken) do
    local put = puts[tostring(event.id)]
    local from, to = put and lane_of(put).place, lane_of(event).place
    if from and to then
      local place = #messages
      messages[place + 1], messages[place + 2] = from, ticks(put.ts)
      messages[place + 3], messages[place + 4] = to, ticks(event.ts)
    end
  end
  return messages
end

local function lanes_of(recording)
  local all, lane_of = new_lanes(recording.world)
  local names, place_of = new_names()
  local processes, sent, taken = sort_events(recording, lane_of)
  local stacks = recording.stacks or {}
  local function name_of_stack(pid, stack) return (stacks[pid] or {})[stack] end
  local lanes = sort_lanes(all, processes.main)
  local messages = messages_of(sent, taken, lane_of)
  for _, lane in ipairs(lanes) do
    lane.process = processes[lane.pid] or ""
    flatten(lane, place_of)
    flatten_looks(lane, name_of_stack, place_of)
    lane.first, lane.since, lane.index, lane.place, lane.is_main = nil, nil, nil, nil, nil
  end
  local other = recording.trace.otherData or {}
  return { world = recording.world, workers = recording.workers, lanes = lanes, names = names, messages = messages,
    dropped = other.dropped, has_samples = recording.stacks ~= nil }
end

-- Returns, for the page, a list with { world, lanes, names, messages, dropped, has_samples } for each recording.
function timelines.lanes(recordings)
  local list = json.list()
  for i, recording in ipairs(recordings or {}) do list[i] = lanes_of(recording) end
  return list
end

return timelines
