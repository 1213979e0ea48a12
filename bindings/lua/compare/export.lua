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

local ROW_FIELDS = { "world", "workers", "label", "wall", "least", "most", "cpu", "cores", "speedup", "lock_share",
  "peak", "messages", "bytes" }

local function plain_row(row)
  local plain = { walls = json.list(row.walls) }
  for _, field in ipairs(ROW_FIELDS) do plain[field] = row[field] end
  return plain
end

-- The whole report, as plain data. `said`: { answer, advice, disagreement (nil: all printed the same) }.
function export.report(plan, rows, said)
  local report = {
    program = "manymoons",
    version = native.version,
    date = os.date("!%Y-%m-%dT%H:%M:%SZ"),
    command = json.list(plan.command),
    runs = plan.runs,
    warmup = plan.warmup,
    machine = describe_machine(),
    answer = (said.answer:gsub("\n$", "")),
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

-- One line for each run, with the run's time and the other figures of its cell.
function export.csv(report)
  local fields = { "world", "workers", "run", "seconds", "median", "speedup", "cpu", "cores", "lock_share", "peak",
    "messages", "bytes" }
  local lines = { table.concat(fields, ",") .. "\n" }
  for _, row in ipairs(report.rows) do
    for run, seconds in ipairs(row.walls) do
      local cells = {}
      for i, field in ipairs(fields) do cells[i] = quote(row[field]) end
      cells[3], cells[4], cells[5] = quote(run), quote(seconds), quote(row.wall)
      lines[#lines + 1] = table.concat(cells, ",") .. "\n"
    end
  end
  return table.concat(lines)
end

return export
