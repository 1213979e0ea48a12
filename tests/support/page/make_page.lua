-- SPDX-License-Identifier: MIT
-- Writes a page of manymoons compare from made-up runs, and the merged trace of its timelines.
-- Usage: manymoons make_page.lua FOLDER PAGE TRACE few|many|workers|wrong
local folder, page_path, trace_path, kind = (table.unpack or unpack)(arg)
local recordings = dofile(folder .. "/recordings.lua")
local mm = require("manymoons")
local embedded = mm._require
local json = embedded("core.json")
local judge = embedded("compare.summary")
local text = embedded("compare.text")
local advise = embedded("compare.advice")
local timelines = embedded("compare.timeline")
local export = embedded("compare.export")
local render_page = embedded("compare.page")

local RUNS = 7

local function new_cell(world, workers, wall, cpu, messages, waited)
  local runs = {}
  for i = 1, RUNS do
    local seconds = wall * (1 + ((i * 37) % 11 - 5) / 60)
    local stats = { messages = messages, bytes = messages * 900 }
    if waited then stats.lock = { held = seconds, waited = seconds * waited, switches = 300 } end
    runs[i] = { wall = seconds, cpu = cpu, peak = 20e6, exitcode = 0, output = "x", stats = stats }
  end
  return { world = world, workers = workers, runs = runs }
end

local function new_cells()
  local cells = {}
  for _, workers in ipairs(kind == "workers" and { 1, 2, 4 } or { false }) do
    local gain = math.min(workers or 2, 2) * 0.97
    workers = workers or nil
    cells[#cells + 1] = new_cell("serial", workers, 1.61, 1.59, 0)
    cells[#cells + 1] = new_cell("threads", workers, 1.66, 1.63, 0, 2.5)
    cells[#cells + 1] = new_cell("interpreters", workers, 1.61 / gain, 1.71, 96)
    cells[#cells + 1] = new_cell("processes", workers, 1.64 / gain, 1.75, 96)
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
    { world = "processes", trace = recordings.pool(4, 48, 6500, true) },
  }
  for _, cell in ipairs(cells) do cell.text = json.encode(cell.trace) end
  local read, missing = timelines.read(cells)
  assert(#missing == 0, missing[1] and missing[1].why)
  return read
end

local function write(path, content)
  local file = assert(io.open(path, "w"))
  assert(file:write(content))
  assert(file:close())
end

local rows = judge.rows(new_cells())
local plan = { runs = RUNS, warmup = 1, command = { "scripts/</script>&.lua", "a b", "{{TITLE}}%1" } }
local said = { answer = text.answer(plan, rows), advice = advise(rows) }
if kind == "wrong" then
  said.disagreement = { label = "threads", run = 2, first_label = "serial", line = 1, left = "<b>", right = "&" }
  said.answer, said.advice = text.disagreement(said.disagreement), {}
end
local report = export.report(plan, rows, said)
local read = record()
write(page_path, render_page(report, timelines.lanes(read)))
write(trace_path, json.encode(timelines.merge(read, report)))
