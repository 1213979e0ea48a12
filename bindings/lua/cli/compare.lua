-- SPDX-License-Identifier: MIT
-- `manymoons compare`: runs a script in every world and compares times and outputs.
--
-- Each part knows only the data of those before it:
--
--   plan      the command line
--   runs      the runs; the cells, each a world and a number of workers, take turns
--   summary   a row of numbers for each cell; whether all printed the same; which is fastest
--   text      the answer and the table, for people
--   advice    conclusions from the numbers, in plain words
--   timeline  recorded runs, as one trace and as lanes
--   export    JSON and CSV
--   page      the page of --html
local mm = require("manymoons")
local require = mm._require

local json = require("core.json")
local advise = require("compare.advice")
local export = require("compare.export")
local outcome = require("compare.outcome")
local render_page = require("compare.page")
local plans = require("compare.plan")
local measure = require("compare.runs")
local judge = require("compare.summary")
local text = require("compare.text")
local timelines = require("compare.timeline")

-- Shows progress on stderr, if that is a terminal.
local function new_progress(plan)
  local is_terminal = os.execute("test -t 2")
  if is_terminal ~= true and is_terminal ~= 0 then return function() end, function() end end
  local function show(cell, round)
    local what = "recording a timeline"
    if round then what = round > 0 and string.format("run %d of %d", round, plan.runs) or "warming up" end
    local workers = cell.workers and string.format(" (%d)", cell.workers) or ""
    io.stderr:write("\r\27[K", cell.world, workers, ", ", what)
  end
  return show, function() io.stderr:write("\r\27[K") end
end

local function write_file(path, content)
  local file, why = io.stdout, nil
  if path ~= "-" then file, why = io.open(path, "wb") end
  local ok = file
  if file then ok, why = file:write(content) end
  if ok then ok, why = file:flush() end
  if file and path ~= "-" then file:close() end
  if not ok then outcome.fail("manymoons compare: cannot write " .. path .. ": " .. tostring(why) .. "\n") end
end

-- The recorded runs, or nil if no file needs them. Reports worlds that recorded nothing on stderr.
local function record(plan, show)
  if not plan.files.trace and not plan.files.html then return nil end
  local recordings, missing = timelines.read(measure.record_all(plan, show))
  for _, problem in ipairs(missing) do
    io.stderr:write("manymoons compare: no timeline of ", problem.world, ": ", problem.why, "\n")
  end
  return recordings
end

local function write_files(plan, report, recordings)
  local files = plan.files
  if files.json then write_file(files.json, json.encode(report) .. "\n") end
  if files.csv then write_file(files.csv, export.csv(report)) end
  if files.trace then write_file(files.trace, json.encode(timelines.merge(recordings, report)) .. "\n") end
  if files.html then write_file(files.html, render_page(report, timelines.lanes(recordings))) end
end

local function bullet(lines)
  local out = {}
  for i, line in ipairs(lines) do out[i] = line .. "\n" end
  return #out > 0 and "\n" .. table.concat(out) or ""
end

local function say_failures(out, failures)
  for _, failure in ipairs(failures) do out:write(text.failure(failure)) end
  outcome.exit_with(1)
end

local function compare(plan)
  local show_progress, hide_progress = new_progress(plan)
  local out = plans.uses_stdout(plan) and io.stderr or io.stdout
  local cells = measure.run_all(plan, show_progress)
  hide_progress()
  local failures = judge.failures(cells)
  if #failures > 0 then say_failures(out, failures) end

  local rows = judge.rows(cells)
  local disagreement = judge.disagreement(cells)
  local advice = disagreement and {} or advise(rows)
  local answer = disagreement and text.disagreement(disagreement) or text.answer(plan, rows) .. "\n"
  out:write(answer, "\n", text.table(rows), bullet(advice))
  out:flush()

  local recordings = record(plan, show_progress)
  hide_progress()
  local report = export.report(plan, rows, { answer = answer, advice = advice, disagreement = disagreement })
  write_files(plan, report, recordings)
  outcome.exit_with(disagreement and 1 or 0)
end

local plan = plans.read({ ... })
if not plan then
  io.stdout:write(plans.usage())
  outcome.exit_with(0)
end
compare(plan)
