-- SPDX-License-Identifier: MIT
-- Writes a page of manymoons compare from made-up runs, and the merged trace of its timelines.
-- Usage: manymoons make_page.lua FOLDER PAGE TRACE few|many|workers|sweep|chunks|busy|wrong|flames
local folder, page_path, trace_path, kind = (table.unpack or unpack)(arg)
local recordings = dofile(folder .. "/recordings.lua")
local mm = require("manymoons")
local embedded = mm._require
local json = embedded("core.json")
local judge = embedded("compare.summary")
local text = embedded("compare.text")
local advise = embedded("compare.advice")
local timelines = embedded("timeline.reading")
local verdict = embedded("compare.verdict")
local export = embedded("compare.export")
local render_page = embedded("compare.page")

local RUNS = 7

-- The threads of a run that stood ready for a share of the time they wanted a processor.
local function new_threads(cpu)
  local ready = kind == "busy" and cpu or 0
  local function half(tid) return { pid = 1, tid = tid, ran = cpu / 2, ready = ready / 2 } end
  return { half(1), half(2) }
end

local function new_cell(world, settings, wall, cpu, messages, waited)
  local runs = {}
  for i = 1, RUNS do
    local seconds = wall * (1 + ((i * 37) % 11 - 5) / 60)
    local stats = { messages = messages, bytes = messages * 900 }
    if waited then stats.lock = { held = seconds, waited = seconds * waited, switches = 300 } end
    runs[i] = { wall = seconds, cpu = cpu, peak = 20e6, exitcode = 0, output = "x", stats = stats, others = 1,
      lost = kind == "busy" and seconds / 2 or 0, threads = new_threads(cpu) }
  end
  return { world = world, workers = settings.workers, chunks = settings.chunks, runs = runs }
end

local SETTINGS = {
  workers = { { workers = 1 }, { workers = 2 }, { workers = 4 } },
  sweep = { { workers = 1 }, { workers = 2 }, { workers = 4 } },
  chunks = { { chunks = 1 }, { chunks = 64 }, { chunks = "auto" } },
}

local function new_cells()
  local cells = {}
  for _, settings in ipairs(SETTINGS[kind] or { {} }) do
    local gain = math.min(settings.workers or 2, 2) * 0.97
    cells[#cells + 1] = new_cell("serial", settings, 1.61, 1.59, 0)
    if kind == "sweep" then cells[#cells + 1] = new_cell("async", settings, 1.63, 1.6, 0) end
    cells[#cells + 1] = new_cell("threads", settings, 1.66, 1.63, 0, 2.5)
    cells[#cells + 1] = new_cell("interpreters", settings, 1.61 / gain, 1.71, 96)
    cells[#cells + 1] = new_cell("processes", settings, 1.64 / gain * 1.2, 1.75, 96)
  end
  return cells
end

-- `many` has more than a hundred thousand events.
local function record()
  local total, quantum = 170000, 5000
  if kind == "many" then total, quantum = 2000000, 40 end
  local cells = {
    { world = "serial", trace = recordings.serial(160000) },
    { world = "threads", trace = recordings.threads(5, total, quantum) },
    { world = "interpreters", trace = recordings.pool(2, 24, 6000, false) },
    { world = "processes", trace = recordings.pool(kind == "flames" and 12 or 4, 48, 6500, true) },
  }
  for _, cell in ipairs(cells) do
    cell.stacks = recordings.add_samples(cell.trace)
    cell.text = json.encode(cell.trace)
  end
  local read, missing = timelines.read(cells)
  assert(#missing == 0, missing[1] and missing[1].why)
  return read
end

local function write(path, content)
  local file = assert(io.open(path, "w"))
  assert(file:write(content))
  assert(file:close())
end

-- A profile of each world, as `manymoons profile` would have written it.
local function new_profiles()
  local reading, profiles = embedded("profile.reading"), {}
  for i, world in ipairs({ "serial", "threads", "interpreters", "processes" }) do
    write(page_path, recordings.folded(world, i))
    profiles[i] = { world = world, profile = assert(reading.read(page_path)) }
  end
  return profiles
end

local rows = judge.rows(new_cells())
local found = verdict.of(rows)
local plan = { warmup = 1, command = { "scripts/</script>&.lua", "a b", "{{TITLE}}%1" } }
local notes = text.notes(found, { usable = 2 })
local said = { answer = text.answer(found), notes = notes, advice = advise(rows, found) }
if kind == "wrong" then
  said.disagreement = { label = "threads", run = 2, first_label = "serial", line = 1, left = "<b>", right = "&" }
  found.kind, said.notes = "differ", {}
  said.answer, said.advice = text.disagreement(said.disagreement), {}
end
local report = export.report(plan, rows, found, said)
local read = record()
write(page_path, render_page(report, rows, found, read, kind == "flames" and new_profiles() or {}))
write(trace_path, json.encode(timelines.merge(read, report)))
