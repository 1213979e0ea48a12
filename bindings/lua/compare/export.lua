-- SPDX-License-Identifier: MIT
-- The output of manymoons compare for programs: --json and --csv. docs/how-to/compare-worlds.md documents the fields.
local require, native = ...

local json = require("core.json")

local export = {}

-- The machine on which the figures were measured, without its name.
local function describe_machine()
  local machine = native.machine()
  machine.name = nil
  return machine
end

local ROW_FIELDS = { "world", "lua", "workers", "chunks", "label", "wall", "least", "most", "cpu", "cores", "speedup",
  "low", "high", "path", "path_speedup", "cpu_ratio", "lock_share", "cpu_wait", "cpu_wait_others", "slept", "peak",
  "messages", "bytes", "stolen", "throttled", "faults", "major_faults", "switches", "forced_switches" }
local RUN_FIELDS = { "wall", "cpu", "ran", "ready", "path", "peak", "others", "stolen", "throttled", "faults",
  "major_faults", "switches", "forced_switches" }

local function copy_fields(from, names, to)
  for _, name in ipairs(names) do to[name] = from[name] end
  return to
end

local function plain_runs(runs)
  local plain = json.list()
  for i, run in ipairs(runs) do
    plain[i] = copy_fields(run, RUN_FIELDS, { threads = run.threads and json.list(run.threads) })
  end
  return plain
end

local function plain_row(row)
  return copy_fields(row, ROW_FIELDS, { walls = json.list(row.walls), outliers = json.list(row.outliers),
    runs = plain_runs(row.runs) })
end

-- What the figures show, by labels of rows.
local function plain_verdict(found)
  local tied
  if found.kind == "tie" then
    tied = json.list()
    for i, row in ipairs(found.rows) do tied[i] = row.label end
  end
  return { kind = found.kind, fastest = found.kind == "fastest" and found.best.label or nil, tied = tied,
    within = found.within, share = found.share }
end

-- The whole report, as plain data. found: of compare/verdict.lua; `said`: { answer, notes, advice, disagreement (nil:
-- all printed the same) }.
function export.report(plan, rows, found, said)
  local report = {
    program = "manymoons",
    version = native.version,
    date = os.date("!%Y-%m-%dT%H:%M:%SZ"),
    command = json.list(plan.command),
    runs = #rows[1].walls,
    warmup = plan.warmup,
    machine = describe_machine(),
    verdict = plain_verdict(found),
    answer = (said.answer:gsub("\n$", "")),
    notes = json.list(said.notes),
    advice = json.list(said.advice),
    agree = said.disagreement == nil,
    difference = said.disagreement,
    rows = json.list(),
  }
  for i, row in ipairs(rows) do report.rows[i] = plain_row(row) end
  return report
end

local function quote(value)
  if value == nil then return "" end
  local text = type(value) == "number" and string.format("%.10g", value) or tostring(value)
  return text:find('[",\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

-- Figures of a cell, behind those of its run.
local CELL_FIELDS = { "speedup", "low", "high", "path_speedup", "cpu_ratio", "cores", "lock_share", "cpu_wait",
  "cpu_wait_others", "messages", "bytes" }
local CSV_RUN_FIELDS = { "cpu", "path", "ready", "peak", "faults", "switches", "forced_switches" }

local function csv_line(row, number, run)
  local cells = { quote(row.world), quote(row.workers), quote(number), quote(run.wall), quote(row.lua),
    quote(row.chunks), quote(row.wall) }
  for _, field in ipairs(CSV_RUN_FIELDS) do cells[#cells + 1] = quote(run[field]) end
  for _, field in ipairs(CELL_FIELDS) do cells[#cells + 1] = quote(row[field]) end
  return table.concat(cells, ",") .. "\n"
end

-- One line for each run, with the other figures of its cell.
function export.csv(report)
  local lines = { "world,workers,run,seconds,lua,chunks,median," .. table.concat(CSV_RUN_FIELDS, ",") .. ","
    .. table.concat(CELL_FIELDS, ",") .. "\n" }
  for _, row in ipairs(report.rows) do
    for number, run in ipairs(row.runs) do lines[#lines + 1] = csv_line(row, number, run) end
  end
  return table.concat(lines)
end

return export
