-- SPDX-License-Identifier: MIT
-- worlds: serial
-- Merged: no event is lost, processes are named after their worlds and stay distinct even if they had the same pid, and
-- the two ends of each message still have one id. As lanes: times, kinds and sums are those recorded.
local embedded = require("manymoons")._require
local json = embedded("core.json")
local timelines = embedded("timeline.reading")
local expect = require("expect")
local folder = os.getenv("MM_BUILD") .. "/../../tests/support/page/"
local made = dofile(folder .. "recordings.lua")

local cells = {
  { world = "threads", text = json.encode(made.threads(3, 50000, 5000)) },
  { world = "interpreters", text = json.encode((made.pool(2, 10, 3000, false))) },
  { world = "processes", text = json.encode((made.pool(3, 12, 3000, true))) },
  { world = "broken", text = '{"traceEvents":[' },
  { world = "strange", text = "[]" },
  { world = "silent", text = "" },
}
local recordings, missing = timelines.read(cells)
expect.equal(#recordings, 3)
local whys = {}
for _, problem in ipairs(missing) do whys[problem.world] = problem.why end
expect.truthy(whys.broken:find("JSON"), whys.broken)
expect.equal(whys.strange, "traceEvents are missing")
expect.equal(whys.silent, "nothing was recorded")

-- One trace -----------------------------------------------------------------------------------------------------------

local function count(events, is_meant)
  local number = 0
  for _, event in ipairs(events) do
    if is_meant(event) then number = number + 1 end
  end
  return number
end

local merged = json.decode(json.encode(timelines.merge(recordings, { command = { "x.lua" }, version = "1" })))
for _, ph in ipairs({ "X", "s", "f" }) do
  local wanted = 0
  for _, recording in ipairs(recordings) do
    wanted = wanted + count(recording.trace.traceEvents, function(event) return event.ph == ph end)
  end
  expect.truthy(wanted > 0, ph)
  expect.equal(count(merged.traceEvents, function(event) return event.ph == ph end), wanted, ph)
end

local world_of, names, ends = {}, {}, {}
for _, event in ipairs(merged.traceEvents) do
  if event.name == "process_name" then
    expect.equal(world_of[event.pid], nil, "one name for each process")
    world_of[event.pid] = event.args.name:match("^(%a+): ")
    names[event.args.name] = true
  elseif event.ph == "s" or event.ph == "f" then
    ends[event.id] = (ends[event.id] or "") .. event.ph
  end
end
expect.truthy(names["interpreters: manymoons"] and names["processes: manymoons"] and names["processes: PoolWorker-1"])
for id, both in pairs(ends) do expect.truthy(both == "sf" or both == "fs", id .. " has the ends " .. both) end
for _, event in ipairs(merged.traceEvents) do expect.truthy(world_of[event.pid], "a process without a name") end

-- Lanes ---------------------------------------------------------------------------------------------------------------

local function sum_of(spans, kind)
  local sum = 0
  for i = 1, #spans, 4 do
    if spans[i] == kind then sum = sum + spans[i + 2] end
  end
  return sum
end

local lanes = timelines.lanes(recordings)
expect.equal(#lanes, 3)
expect.equal(#lanes[1].lanes, 4)
expect.equal(#lanes[3].lanes, 4)
expect.equal(#lanes[2].messages, 4 * 20)
for _, timeline in ipairs(lanes) do
  for _, lane in ipairs(timeline.lanes) do
    for i = 5, #lane.spans, 4 do expect.truthy(lane.spans[i + 1] >= lane.spans[i - 3], "spans are in order") end
    for i = 1, #lane.spans, 4 do expect.truthy(timeline.names[lane.spans[i + 3] + 1], "each span has a name") end
  end
end

-- The threads of one VM hold its lock one after the other, so together not longer than the run.
local held = 0
for _, lane in ipairs(lanes[1].lanes) do
  held = held + sum_of(lane.spans, 0)
  expect.equal(lane.vm, 1)
end
expect.truthy(held > 490000 and held <= 500000, "the lock was held for " .. held / 10 .. " µs")
