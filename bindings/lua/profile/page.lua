-- SPDX-License-Identifier: MIT
-- The page of a profile, or of the differences of two, and the section with flame graphs that other pages have as well.
-- The table of functions is readable without JavaScript.
local require = ...

local json = require("core.json")
local frame = require("page.frame")
local text = require("profile.text")
local tree = require("profile.tree")

local ROWS = 30
local STYLES, SCRIPTS = { "flames_css" }, { "flames_graph", "flames_js" }
local NOTE = "A box is a function; below it are those that it called. It is as wide as its share of the time. Boxes "
  .. "have no order of time."
local NOTE_OF_DIFFERENCE = "A box is a function; below it are those that it called. Red, with ▲: it takes more time "
  .. "than before; blue, with ▼: less; grey: as much. Where a function is gone, only the widths before show it."
local WIDTHS = [[
<div class="buttons" role="group" aria-label="What the widths show">width
<button type="button" data-width="total">after</button>
<button type="button" data-width="before">before</button>
</div>
]]
local GRAPH = [[
%s<div class="flame"><canvas id="flame-%d" tabindex="0" role="application" aria-label="Flame graph%s"
aria-describedby="flame-note flame-keys"></canvas></div>
<p class="note" id="flame-status-%d" role="status"></p>
]]

local pages = { styles = STYLES, scripts = SCRIPTS }

-- A node is { place of its caller in the list (0: the thread), function from 0, times…, times before… }.
local function nodes_of(thread)
  local nodes, places = json.list(), {}
  tree.each(thread.top, function(node, path)
    local outer = path[#path - 1]
    local row = json.list({ outer and places[outer] or 0, node.f - 1 })
    for _, time in ipairs(node.times) do row[#row + 1] = time end
    for _, time in ipairs(node.before or {}) do row[#row + 1] = time end
    nodes[#nodes + 1] = row
    places[node] = #nodes
  end)
  return nodes
end

local function plain_tops(tops)
  local plain = {}
  for pid, functions in pairs(tops) do
    plain[tostring(pid)] = {}
    for stack, number in pairs(functions) do plain[tostring(pid)][tostring(stack)] = number end
  end
  return plain
end

local function plain_profile(profile)
  local functions, threads = json.list(), json.list()
  for i, f in ipairs(profile.functions) do
    functions[i] = { name = f.name, place = tree.place_of(f), kind = f.kind }
  end
  for i, thread in ipairs(profile.threads) do
    threads[i] = { name = thread.name, world = thread.world, vm = thread.vm, pid = thread.pid,
      thread = thread.thread, nodes = nodes_of(thread) }
  end
  return { functions = functions, threads = threads, seconds = profile.seconds, rate = profile.rate,
    command = profile.command, samples = profile.samples, before = profile.before ~= nil or nil,
    tops = next(profile.tops) and plain_tops(profile.tops) or nil }
end

-- What the scripts of the section need: the profiles, and the mode that is shown first.
function pages.data(profiles, mode)
  local plain, modes = json.list(), {}
  for i, profile in ipairs(profiles) do plain[i] = plain_profile(profile) end
  for name, counted in pairs(tree.modes) do
    modes[name] = json.list()
    for i, state in ipairs(tree.states) do modes[name][i] = counted[state] and 1 or 0 end
  end
  return { mode = mode, modes = modes, states = json.list(tree.states), profiles = plain }
end

-- The section. titles: one for each profile, or nil if there is one profile without a title.
function pages.section(profiles, heading, titles)
  local graphs, is_difference = {}, false
  for i, profile in ipairs(profiles) do
    local title = titles and frame.escape(titles[i])
    local head, about = title and ("<h3>%s</h3>\n"):format(title) or "", title and " of " .. title or ""
    graphs[i] = GRAPH:format(head, i - 1, about, i - 1)
    is_difference = is_difference or profile.before ~= nil
  end
  return frame.fill("flames_html", { HEADING = frame.escape(heading),
    NOTE = is_difference and NOTE_OF_DIFFERENCE or NOTE, WIDTHS = is_difference and WIDTHS or "",
    GRAPHS = table.concat(graphs) })
end

local function percent(part, whole) return ("%.1f %%"):format(whole > 0 and 100 * part / whole or 0) end

local function table_of_functions(profile, mode)
  local rows, all = text.rows(profile, mode)
  local lines = {}
  for i = 1, math.min(#rows, ROWS) do
    local row = rows[i]
    lines[i] = { row.f.name, percent(row.self, all), percent(row.total, all), tree.place_of(row.f) }
  end
  return frame.table({ id = "table", label = "Functions", class = "places",
    titles = { "function", "self", "total", "where" } }, lines)
end

local function table_of_changes(profile, mode)
  local lines = {}
  for i, row in ipairs(text.changes(profile, mode)) do
    if i > ROWS then break end
    lines[i] = { row.f.name, text.seconds(row.total_before), text.seconds(row.total),
      text.change(row.total - row.total_before), tree.place_of(row.f) }
  end
  return frame.table({ id = "table", label = "Functions", class = "places",
    titles = { "function", "before", "after", "change", "where" } }, lines)
end

-- The page as text; mode: the one that it shows first.
function pages.render(profile, mode)
  local is_difference = profile.before ~= nil
  local make_table = is_difference and table_of_changes or table_of_functions
  local body = frame.fill("profile_html", {
    SUMMARY = frame.escape(is_difference and text.summary_of_changes(profile, mode) or text.summary(profile)),
    FLAMES = pages.section({ profile }, is_difference and "Differences" or "Flame graph"),
    TABLE = make_table(profile, mode),
  })
  local rate = profile.rate and frame.escape(profile.rate) .. " samples a second. " or ""
  return frame.render({ program = "manymoons profile", path = profile.command,
    about = is_difference and "differences of two profiles" or "a profile", body = body,
    footer = ("<p><code>%s</code></p>\n<p>%smanymoons %s.</p>"):format(frame.escape(profile.command), rate,
      frame.version),
    styles = STYLES, scripts = { "flames_graph", "flames_js", "profile_main" }, data = pages.data({ profile }, mode) })
end

return pages
