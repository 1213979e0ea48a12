-- SPDX-License-Identifier: MIT
-- The curves of the page: how many times faster than the baseline, over a setting that was varied, a curve for each
-- world. They are SVG and HTML and need no script. Dashes tell the curves apart, and a name at the end of each, so that
-- nothing depends on colours.
--
-- The lines stretch with the window, the words do not: these are HTML at shares of the width.
local require = ...

local frame = require("page.frame")
local text = require("compare.text")
local worlds = require("core.worlds")

local HEIGHT, LABEL = 250, 19 -- pixels: of the plot, and of a name at the end of a curve
local MARKS = 4
local STEPS = { 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500 }
local ROOM = 1.08

local escape = frame.escape

local SETTINGS = {
  { name = "workers", heading = "With more workers",
    note = "How many times faster than <i>%s</i>, over the number of workers; the grey line is a full share of each." },
  { name = "chunks", heading = "With larger chunks",
    note = "How many times faster than <i>%s</i>, over the number of items in a task." },
}

local curves = {}

-- The values of a setting from left to right: numbers in order, and then words.
local function values_of(rows, name)
  local seen, values = {}, {}
  for _, row in ipairs(rows) do
    local value = row[name]
    if value and not seen[value] then values[#values + 1] = value end
    if value then seen[value] = true end
  end
  table.sort(values, function(a, b)
    local is_number, is_other = type(a) == "number", type(b) == "number"
    if is_number ~= is_other then return is_number end
    return a < b
  end)
  return values
end

-- What else the rows vary names a curve.
local function name_of(row, setting)
  local words = { row.world }
  if row.lua then words[#words + 1] = "Lua " .. row.lua end
  local other = setting == "workers" and row.chunks or setting == "chunks" and row.workers
  if other then words[#words + 1] = tostring(other) end
  return table.concat(words, ", ")
end

local function place_of_world(name)
  for i, other in ipairs(worlds.names) do
    if other == name then return i - 1 end
  end
  return 0
end

-- { name, class, points = { [place of the value] = ratio } } for each curve.
local function collect(rows, setting, place_of)
  local list, by_name = {}, {}
  for _, row in ipairs(rows) do
    local name = name_of(row, setting)
    if row[setting] and not by_name[name] then
      by_name[name] = { name = name, class = "c" .. place_of_world(row.world), points = {} }
      list[#list + 1] = by_name[name]
    end
    if row[setting] then by_name[name].points[place_of[row[setting]]] = row.speedup end
  end
  return list
end

local function step_for(most)
  for _, step in ipairs(STEPS) do
    if most / step <= MARKS then return step end
  end
  return most / MARKS
end

-- Where the values stand, from 0 to 1: numbers of workers where they are, sizes of chunks, which are far apart, at
-- equal distances.
local function places_on_scale(values, setting)
  local at, first, last = {}, values[1], values[#values]
  for i, value in ipairs(values) do
    at[i] = setting == "workers" and (value - first) / (last - first) or (i - 1) / (#values - 1)
  end
  return at
end

local function new_plot(rows, setting)
  local plot = { setting = setting, values = values_of(rows, setting) }
  local place_of, most = {}, 1
  for i, value in ipairs(plot.values) do place_of[value] = i end
  plot.at, plot.curves = places_on_scale(plot.values, setting), collect(rows, setting, place_of)
  for _, curve in ipairs(plot.curves) do
    for _, ratio in pairs(curve.points) do most = math.max(most, ratio) end
  end
  plot.step = step_for(most)
  plot.most = math.max(most * ROOM, plot.step)
  plot.height = math.max(HEIGHT, LABEL * (#plot.curves + 1))
  return plot
end

local function y_of(plot, ratio) return 1 - ratio / plot.most end

local function percent(share) return ("%.2f%%"):format(100 * share) end

local function point(plot, i, ratio) return ("%.1f,%.1f"):format(1000 * plot.at[i], 1000 * y_of(plot, ratio)) end

local function render_line(plot, curve)
  local line, dots = {}, {}
  for i in ipairs(plot.values) do
    local ratio = curve.points[i]
    if ratio then
      line[#line + 1] = point(plot, i, ratio)
      dots[#dots + 1] = ('<path class="end" d="M%s h0"/>'):format(point(plot, i, ratio):gsub(",", " "))
    end
  end
  return ('<g class="%s"><polyline points="%s"/>%s</g>'):format(curve.class, table.concat(line, " "),
    table.concat(dots))
end

-- A worker's full share of the work: as many times faster as there are workers.
local function render_full_share(plot)
  if plot.setting ~= "workers" then return "" end
  local first, last = plot.values[1], plot.values[#plot.values]
  local right = math.min(last, plot.most)
  return ('<polyline class="share" points="0,%.1f %.1f,%.1f"/>'):format(1000 * y_of(plot, math.min(first, plot.most)),
    1000 * (right - first) / (last - first), 1000 * y_of(plot, right))
end

local function render_marks(plot)
  local out, i = {}, 0
  while i * plot.step <= plot.most + 1e-9 do
    out[#out + 1] = ('<span class="y" style="top:%s">%s</span>'):format(percent(y_of(plot, i * plot.step)),
      i == 0 and "0" or ("%.4g ×"):format(i * plot.step))
    i = i + 1
  end
  for k, value in ipairs(plot.values) do
    out[#out + 1] = ('<span class="x" style="left:%s">%s</span>'):format(percent(plot.at[k]), escape(value))
  end
  return table.concat(out)
end

local function render_grid(plot)
  local out, i = {}, 0
  while i * plot.step <= plot.most + 1e-9 do
    local y = 1000 * y_of(plot, i * plot.step)
    out[#out + 1] = ('<path class="grid" d="M0 %.1f H1000"/>'):format(y)
    i = i + 1
  end
  return table.concat(out)
end

-- Names beside the ends of the curves, from top to bottom, and moved apart where they would lie on each other.
local function place_names(plot)
  local names = {}
  for i, curve in ipairs(plot.curves) do
    local last
    for k in ipairs(plot.values) do last = curve.points[k] or last end
    names[i] = { curve = curve, ratio = last, y = y_of(plot, last) * plot.height }
  end
  table.sort(names, function(a, b)
    if a.y ~= b.y then return a.y < b.y end
    return a.curve.name < b.curve.name
  end)
  for i = 2, #names do names[i].y = math.max(names[i].y, names[i - 1].y + LABEL) end
  local lowest = plot.height
  for i = #names, 1, -1 do
    names[i].y = math.min(names[i].y, lowest)
    lowest = names[i].y - LABEL
  end
  return names
end

local NAME = '<span class="name %s" style="top:%s" title="%s"><svg viewBox="0 0 26 8" aria-hidden="true">'
  .. '<path d="M0 4 H26"/></svg>%s</span>'

local function render_names(plot)
  local out = {}
  for i, name in ipairs(place_names(plot)) do
    out[i] = NAME:format(name.curve.class, percent(name.y / plot.height), escape(text.factor(name.ratio)),
      escape(name.curve.name))
  end
  return table.concat(out)
end

-- What the picture shows, in words.
local function describe(plot)
  local words = {}
  for i, curve in ipairs(plot.curves) do
    local parts = {}
    for k, value in ipairs(plot.values) do
      if curve.points[k] then parts[#parts + 1] = ("%s with %s"):format(text.factor(curve.points[k]), value) end
    end
    words[i] = curve.name .. ": " .. table.concat(parts, ", ")
  end
  return table.concat(words, "; ")
end

local FIGURE = [[
<div class="part"><h3>%s</h3>
<p class="note">%s</p>
<div class="curves" id="%s-curve" role="img" aria-label="%s" style="height:%dpx">
<div class="plot"><svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">%s</svg>
%s%s</div></div></div>
]]

-- The curves of all settings with more than one value; "" if there are none.
function curves.render(rows)
  local out = {}
  for _, setting in ipairs(SETTINGS) do
    if #values_of(rows, setting.name) > 1 then
      local plot, lines = new_plot(rows, setting.name), {}
      for i, curve in ipairs(plot.curves) do lines[i] = render_line(plot, curve) end
      out[#out + 1] = FIGURE:format(setting.heading, setting.note:format(escape(rows[1].baseline.world)), setting.name,
        escape(describe(plot)), plot.height, render_grid(plot) .. render_full_share(plot) .. table.concat(lines),
        render_marks(plot), render_names(plot))
    end
  end
  return #out > 0 and '<div class="parts">\n' .. table.concat(out) .. "</div>\n" or ""
end

return curves
