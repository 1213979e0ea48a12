-- SPDX-License-Identifier: MIT
-- The page of manymoons compare --html: the answer, bars, curves, the table and advice, which all are readable without
-- JavaScript; and flame graphs and a timeline, which are not.
local require = ...

local frame = require("page.frame")
local flames = require("profile.page")
local timeline = require("timeline.page")
local bars = require("compare.bars")
local curves = require("compare.curves")
local text = require("compare.text")

local escape = frame.escape

local NOTE_OF_TIMELINE = "The timeline shows one more run in each world; all start at 0 and have the same scale. "

local function render_table(report_rows, best)
  local titles, lines, meanings = text.table_of(report_rows)
  local html = frame.table({ id = "table", label = "The figures of all worlds", titles = titles,
    meanings = meanings }, lines)
  local place = 0
  return (html:gsub('<tr><th scope="row">', function(head)
    place = place + 1
    return report_rows[place] == best and '<tr class="best"><th scope="row">' or head
  end))
end

local function render_meanings(rows)
  local titles, _, meanings = text.table_of(rows)
  local out = {}
  for i, title in ipairs(titles) do
    out[i] = ("<dt>%s</dt><dd>%s</dd>"):format(escape(title), escape(meanings[i]))
  end
  return table.concat(out)
end

local function render_lines(report)
  local out = {}
  for _, line in ipairs(report.notes) do out[#out + 1] = "<li>" .. escape(line) .. "</li>" end
  for _, line in ipairs(report.advice) do out[#out + 1] = "<li>" .. escape(line) .. "</li>" end
  return #out > 0 and '<ul class="advice">' .. table.concat(out) .. "</ul>" or ""
end

local function render_answer(report)
  if report.agree then return '<p class="answer">' .. escape(report.answer) .. "</p>" end
  return '<pre class="answer wrong">' .. escape(report.answer) .. "</pre>"
end

local function describe_machine(report)
  local machine, parts = report.machine, {}
  parts[#parts + 1] = machine.processor
  parts[#parts + 1] = text.count_of(machine.processors, "processor")
  if machine.memory then parts[#parts + 1] = ("%.1f GiB of memory"):format(machine.memory / 2 ^ 30) end
  parts[#parts + 1] = machine.system
  if machine.load then parts[#parts + 1] = ("load %.2f when this was written"):format(machine.load) end
  return table.concat(parts, ", ")
end

local function render_footer(report)
  local runs = text.count_of(report.runs, "run") .. " of each, after " .. text.count_of(report.warmup, "warm-up run")
  local command = "manymoons compare " .. frame.command_line(report.command)
  return ("<p><code>%s</code></p>\n<p>%s. %s. %s. manymoons %s.</p>"):format(escape(command), runs,
    escape((report.date:gsub("T", " "):gsub("Z", " UTC"))), escape(describe_machine(report)), escape(report.version))
end

local function render_flames(profiles)
  if not profiles[1] then return "" end
  local plain, titles = {}, {}
  for i, entry in ipairs(profiles) do plain[i], titles[i] = entry.profile, entry.world end
  return flames.section(plain, "Where the time went", titles)
end

local function data_of(recordings, profiles)
  local plain = {}
  for i, entry in ipairs(profiles) do plain[i] = entry.profile end
  return { timeline = timeline.data(recordings), flames = plain[1] and flames.data(plain, "cpu") or nil }
end

-- The page as text. rows, found: of compare/summary.lua and verdict.lua; recordings: of timeline/reading.lua;
-- profiles: { world, profile } for each world, or an empty list.
return function(report, rows, found, recordings, profiles)
  local best = found.kind == "fastest" and found.best or nil
  local body = frame.fill("compare_html", {
    ANSWER = render_answer(report),
    BARS = bars.render(rows, best),
    BASELINE = escape(rows[1].baseline.world),
    ADVICE = render_lines(report),
    CURVES = curves.render(rows),
    TABLE = render_table(rows, best),
    MEANINGS = render_meanings(rows),
    FLAMES = render_flames(profiles),
    TIMELINE = timeline.section(recordings, NOTE_OF_TIMELINE),
  })
  local styles, scripts = { "timeline_css", "compare_css" }, { "timeline_lanes", "timeline_js", "timeline_controls" }
  for _, name in ipairs(profiles[1] and flames.styles or {}) do styles[#styles + 1] = name end
  for _, name in ipairs(profiles[1] and flames.scripts or {}) do scripts[#scripts + 1] = name end
  scripts[#scripts + 1] = "compare_main"
  return frame.render({ program = "manymoons compare", path = report.command[1], about = "worlds compared", body = body,
    footer = render_footer(report), styles = styles, scripts = scripts, data = data_of(recordings, profiles) })
end
