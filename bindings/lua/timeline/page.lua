-- SPDX-License-Identifier: MIT
-- The section with the timeline, and the page of manymoons trace --html, which has that one alone.
local require, native = ...

local json = require("core.json")
local frame = require("page.frame")
local tree = require("profile.tree")
local timelines = require("timeline.reading")

local NO_SAMPLES = "Functions were not sampled."

local pages = {}

-- recordings: of timeline/reading.lua. note: a sentence before those about lanes, or "".
function pages.section(recordings, note)
  if not recordings or not recordings[1] then return "" end
  return frame.fill("timeline_html", { NOTE = note })
end

-- What the scripts of the section need.
function pages.data(recordings) return timelines.lanes(recordings) end

local function count_of(number, one, ending) return ("%d %s%s"):format(number, one, number == 1 and "" or ending) end

-- One line: what was recorded.
local function describe(data)
  local pids, processes, spans, last = {}, 0, 0, 0
  for _, lane in ipairs(data.lanes) do
    if not pids[lane.pid] then processes = processes + 1 end
    pids[lane.pid] = true
    spans = spans + #lane.spans / 4
    for i = 2, #lane.spans, 4 do last = math.max(last, lane.spans[i] + lane.spans[i + 1]) end
  end
  local line = ("%s in %s, %s in %.3f s"):format(count_of(#data.lanes, "thread", "s"),
    count_of(processes, "process", "es"), count_of(spans, "span", "s"), last / 1e7)
  if (data.dropped or 0) == 0 then return line end
  return line .. (", and %.0f events for which there was no room"):format(data.dropped)
end

local function render(data, command, about)
  local body = ('<p class="answer">%s</p>\n<noscript><p class="note">The timeline needs JavaScript.</p></noscript>\n%s')
    :format(frame.escape(about), frame.fill("timeline_html", { NOTE = "" }))
  return frame.render({ program = "manymoons trace", path = command[1], about = "a timeline", body = body,
    footer = ("<p><code>manymoons trace --html %s</code></p>\n<p>%s%s. manymoons %s.</p>"):format(
      frame.escape("FILE " .. frame.command_line(command)), data.has_samples and "" or NO_SAMPLES .. " ",
      os.date("!%Y-%m-%d %H:%M:%S UTC"), native.version),
    styles = { "timeline_css" }, scripts = { "timeline_lanes", "timeline_js", "timeline_controls", "timeline_main" },
    data = { timeline = json.list({ data }) } })
end

-- The page of one run, from the text of a recording and the profile of the same run (nil: there is none), and a line
-- that says what is on it; or nil and why there is none. command: the script and its arguments.
function pages.render(text, profile, command)
  local run = { world = "this run", text = text, stacks = profile and tree.names_of_stacks(profile) }
  local recordings, missing = timelines.read({ run })
  if missing[1] then return nil, missing[1].why end
  local data = timelines.lanes(recordings)[1]
  local about = describe(data)
  return render(data, command, about), about
end

return pages
