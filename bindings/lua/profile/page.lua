-- SPDX-License-Identifier: MIT
-- The page of a profile: one self-contained file that needs no network.
--
-- The frame is profile/page/profile.html, in which {{NAME}} is replaced by a part. The table of functions is HTML, and
-- readable without JavaScript. Text from outside is escaped, and the JSON contains no "<", so that it cannot end its
-- script element.
local require, native = ...

local json = require("core.json")
local text = require("profile.text")
local tree = require("profile.tree")

local ROWS = 30
local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function escape(value) return (tostring(value):gsub("[&<>\"']", ENTITIES)) end

-- A node is { place of its caller in the list (0: the thread), function from 0, times… }.
local function nodes_of(thread)
  local nodes, places = json.list(), {}
  tree.each(thread.top, function(node, path)
    local outer = path[#path - 1]
    local row = json.list({ outer and places[outer] or 0, node.f - 1 })
    for i, time in ipairs(node.times) do row[2 + i] = time end
    nodes[#nodes + 1] = row
    places[node] = #nodes
  end)
  return nodes
end

local function data_of(profile, mode)
  local functions, threads = json.list(), json.list()
  for i, f in ipairs(profile.functions) do
    functions[i] = { name = f.name, place = tree.place_of(f), kind = f.kind }
  end
  for i, thread in ipairs(profile.threads) do
    threads[i] = { name = thread.name, world = thread.world, vm = thread.vm, pid = thread.pid,
      thread = thread.thread, nodes = nodes_of(thread) }
  end
  local modes = {}
  for name, counted in pairs(tree.modes) do
    modes[name] = json.list()
    for i, state in ipairs(tree.states) do modes[name][i] = counted[state] and 1 or 0 end
  end
  return { mode = mode, modes = modes, states = json.list(tree.states), functions = functions, threads = threads,
    seconds = profile.seconds }
end

local function percent(part, whole) return ("%.1f %%"):format(whole > 0 and 100 * part / whole or 0) end

local function render_table(profile, mode)
  local rows, all = text.rows(profile, mode)
  local out = { '<thead><tr><th scope="col">function</th><th scope="col">self</th><th scope="col">total</th>'
    .. '<th scope="col">where</th></tr></thead>\n<tbody>\n' }
  for i = 1, math.min(#rows, ROWS) do
    local row = rows[i]
    out[#out + 1] = ("<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n"):format(escape(row.f.name),
      percent(row.self, all), percent(row.total, all), escape(tree.place_of(row.f)))
  end
  out[#out + 1] = "</tbody>"
  return table.concat(out)
end

-- The page as text; mode: the one that it shows first.
return function(profile, mode)
  local pieces = {
    TITLE = escape((profile.command:match("([^/]*)$"))),
    COMMAND = escape(profile.command),
    SUMMARY = escape(text.summary(profile)),
    RATE = escape(profile.rate),
    VERSION = escape(native.version),
    TABLE = render_table(profile, mode),
    STYLE = native.embedded("page_css") .. "\n" .. native.embedded("profile_css"),
    SCRIPT = native.embedded("profile_flame") .. native.embedded("profile_main"),
    DATA = (json.encode(data_of(profile, mode)):gsub("<", "\\u003c")),
  }
  return (native.embedded("profile_html"):gsub("{{(%u+)}}", pieces))
end
