-- SPDX-License-Identifier: MIT
-- The page of manymoons compare --html: one self-contained file that needs no network.
--
-- The frame is compare/page/compare.html, in which {{NAME}} is replaced by a part: figures and words as HTML, which are
-- readable without JavaScript; styles, scripts and data inline. Text from outside (the command line, names, printed
-- lines) is escaped, and the JSON contains no "<", so that it cannot end its script element.
local require, native = ...

local json = require("core.json")
local text = require("compare.text")

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(value) return (tostring(value):gsub("[&<>\"']", ENTITIES)) end

local function json_in_page(value) return (json.encode(value):gsub("<", "\\u003c")) end

local function render_cells(tag, cells, titles)
  local out = {}
  for i, cell in ipairs(cells) do
    local title = titles and titles[i] and string.format(' title="%s"', escape(titles[i])) or ""
    local scope = tag == "th" and ' scope="col"' or ""
    out[i] = string.format("<%s%s%s>%s</%s>", tag, scope, title, escape(cell), tag)
  end
  return table.concat(out)
end

local function render_table(rows)
  local titles, lines, meanings = text.table_of(rows)
  local out = { "<thead><tr>", render_cells("th", titles, meanings), "</tr></thead>\n<tbody>\n" }
  for _, line in ipairs(lines) do out[#out + 1] = "<tr>" .. render_cells("td", line) .. "</tr>\n" end
  out[#out + 1] = "</tbody>"
  return table.concat(out)
end

local function render_meanings(rows)
  local titles, _, meanings = text.table_of(rows)
  local out = {}
  for i, title in ipairs(titles) do
    out[i] = string.format("<dt>%s</dt><dd>%s</dd>", escape(title), escape(meanings[i]))
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

local function render_machine(report)
  local machine, parts = report.machine, {}
  parts[#parts + 1] = machine.processor
  parts[#parts + 1] = text.count_of(machine.processors, "processor")
  if machine.memory then parts[#parts + 1] = string.format("%.1f GiB of memory", machine.memory / 2 ^ 30) end
  parts[#parts + 1] = machine.system
  if machine.load then parts[#parts + 1] = string.format("load %.2f when this was written", machine.load) end
  return escape(table.concat(parts, ", "))
end

local function render_command(report)
  local words = {}
  for i, word in ipairs(report.command) do
    words[i] = word:find("[^%w%-%./_=,:@%%+]") and "'" .. word:gsub("'", [['\'']]) .. "'" or word
  end
  return escape("manymoons compare " .. table.concat(words, " "))
end

local function render_runs(report)
  return escape(text.count_of(report.runs, "run") .. " of each, after " .. text.count_of(report.warmup, "warm-up run"))
end

-- The page as text. `timeline` is the result of timelines.lanes (compare/timeline.lua).
return function(report, timeline)
  local pieces = {
    TITLE = escape((report.command[1]:match("([^/]*)$"))),
    COMMAND = render_command(report),
    MACHINE = render_machine(report),
    DATE = escape((report.date:gsub("T", " "):gsub("Z", " UTC"))),
    VERSION = escape(report.version),
    RUNS = render_runs(report),
    ANSWER = render_answer(report),
    ADVICE = render_lines(report),
    TABLE = render_table(report.rows),
    MEANINGS = render_meanings(report.rows),
    STYLE = native.embedded("uplot_css") .. "\n" .. native.embedded("page_css"),
    UPLOT = native.embedded("uplot_js"),
    SCRIPT = native.embedded("page_bars") .. native.embedded("page_lanes") .. native.embedded("page_timeline")
      .. native.embedded("page_main"),
    DATA = json_in_page({ report = report, timeline = timeline }),
  }
  return (native.embedded("page_html"):gsub("{{(%u+)}}", pieces))
end
