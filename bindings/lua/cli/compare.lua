-- SPDX-License-Identifier: MIT
-- `manymoons compare`: runs a script in every world and compares times and outputs.
--
-- Each part knows only the data of those before it:
--
--   plan      the command line
--   runs      the runs; the cells, each a world with a number of workers and so on, take turns
--   summary   a row of numbers for each cell; whether all printed the same
--   verdict   which is fastest, or why the figures do not tell
--   text      the answer, the table and notes, for people
--   advice    conclusions from the numbers, in plain words
--   export    JSON and CSV
--   page      the page of --html, of bars, curves, recorded runs and profiles
local mm = require("manymoons")
local require, native = mm._require, mm._native

local files = require("page.files")
local json = require("core.json")
local advise = require("compare.advice")
local export = require("compare.export")
local outcome = require("compare.outcome")
local render_page = require("compare.page")
local plans = require("compare.plan")
local new_progress = require("compare.progress")
local measure = require("compare.runs")
local style = require("terminal.style")
local judge = require("compare.summary")
local text = require("compare.text")
local verdict = require("compare.verdict")
local timelines = require("timeline.reading")

local UNCERTAIN = 0.1 -- --runs auto stops when the interval of the best ratio is narrower
local DOUBTS = { short = true, busy = true, idle = true, few = true }

local function write_file(path, content)
  local ok, why = files.write(path, content)
  if not ok then outcome.fail("cannot write %s: %s", path, tostring(why)) end
end

-- The recorded runs and their profiles; empty lists if no file needs them. Reports worlds that recorded nothing on
-- stderr.
local function record(plan, show)
  if not plan.files.trace and not plan.files.html then return {}, {} end
  local cells, profiles = measure.record_all(plan, show), {}
  local recordings, missing = timelines.read(cells)
  for _, problem in ipairs(missing) do
    outcome.warn("no timeline of %s: %s", problem.world, problem.why)
  end
  for _, cell in ipairs(cells) do
    if plan.profile and cell.profile then profiles[#profiles + 1] = cell end
    if plan.profile and not cell.profile then outcome.warn("no flame graph of %s: %s", cell.world, cell.no_profile) end
  end
  return recordings, profiles
end

local function write_files(plan, report, judged, recordings, profiles)
  local wanted = plan.files
  if wanted.json then write_file(wanted.json, json.encode(report) .. "\n") end
  if wanted.csv then write_file(wanted.csv, export.csv(report)) end
  if wanted.trace then write_file(wanted.trace, json.encode(timelines.merge(recordings, report)) .. "\n") end
  if not wanted.html then return end
  write_file(wanted.html, render_page(report, judged.rows, judged.found, recordings, profiles))
  if plan.has_usual_name then outcome.warn("wrote %s (open it in a browser)", wanted.html) end
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

-- Whether more rounds would change nothing. What differs, is too short, or did nothing, stays so.
local function is_settled(cells)
  if judge.disagreement(cells) then return true end
  local rows = judge.rows(cells)
  local kind = verdict.of(rows).kind
  if kind == "short" or kind == "idle" or kind == "alone" then return true end
  return (verdict.uncertainty(rows) or 1) < UNCERTAIN
end

-- The processors that this program may use; MANYMOONS_WORKERS does not change how many there are.
local function describe_machine()
  local machine = native.machine()
  machine.usable = #native.processors()
  return machine
end

local function paint_answer(paint, found, answer)
  if DOUBTS[found.kind] then return paint.doubt(answer) end
  return paint.strong(answer)
end

local function judge_cells(cells)
  local rows = judge.rows(cells)
  local found = verdict.of(rows)
  local disagreement = judge.disagreement(cells)
  if disagreement then
    local answer = text.disagreement(disagreement)
    found.kind = "differ"
    return rows, found, { answer = answer, notes = {}, advice = {}, disagreement = disagreement }
  end
  local notes = text.notes(found, describe_machine())
  return rows, found, { answer = text.answer(found), notes = notes, advice = advise(rows, found) }
end

local function compare(plan)
  local show_progress, hide_progress = new_progress(plan)
  local uses_stdout = plans.uses_stdout(plan)
  local out, paint = uses_stdout and io.stderr or io.stdout, style.of(uses_stdout and 2 or 1)
  local cells = measure.run_all(plan, show_progress, is_settled)
  hide_progress()
  local failures = judge.failures(cells)
  if #failures > 0 then say_failures(out, failures) end

  local rows, found, said = judge_cells(cells)
  local answer = said.disagreement and paint.wrong(said.answer) or paint_answer(paint, found, said.answer) .. "\n"
  out:write(answer, "\n", text.table(rows, found, paint), bullet(said.notes), bullet(said.advice))
  out:flush()

  local recordings, profiles = record(plan, show_progress)
  hide_progress()
  write_files(plan, export.report(plan, rows, found, said), { rows = rows, found = found }, recordings, profiles)
  outcome.exit_with(said.disagreement and 1 or 0)
end

-- The words of the command line between the program's name and `compare`.
local function words_before()
  local words, first = {}, -1
  while arg[first - 1] do first = first - 1 end
  for i = first + 1, -1 do words[#words + 1] = arg[i] end
  return words
end

local plan = plans.read({ ... }, words_before())
if not plan then
  io.stdout:write(plans.usage())
  outcome.exit_with(0)
end
compare(plan)
