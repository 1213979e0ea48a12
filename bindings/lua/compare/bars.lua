-- SPDX-License-Identifier: MIT
-- The bars of the page: one for each row, in groups of the same settings. They are HTML and need no script.
--
-- A bar lies. Its strong part ends at the median, its faint part at the slowest run, so that all runs, which are dots
-- from top to bottom in their order, lie inside of it. All bars have one scale, which begins at 0.
local require = ...

local frame = require("page.frame")
local text = require("compare.text")

local STEPS = { 1, 2, 2.5, 5, 10 }
local MARKS_MOST = 5

local escape = frame.escape

local bars = {}

-- "830 ms", with three digits.
local function short_time(seconds)
  local factor, unit = 1, "s"
  if seconds < 1e-3 then factor, unit = 1e6, "µs" elseif seconds < 1 then factor, unit = 1e3, "ms" end
  local value = seconds * factor
  local digits = value < 10 and 2 or value < 100 and 1 or 0
  return ("%." .. digits .. "f %s"):format(value, unit)
end

-- The distance of the marks of a scale up to `most`, at least.
local function step_for(most)
  local power = 10 ^ math.floor(math.log(most / MARKS_MOST) / math.log(10))
  for _, step in ipairs(STEPS) do
    if most / (step * power) <= MARKS_MOST then return step * power end
  end
end

local function scale_of(rows)
  local most = 0
  for _, row in ipairs(rows) do most = math.max(most, row.most) end
  local step = step_for(most > 0 and most or 1)
  local count = math.max(1, math.ceil(most / step - 1e-9))
  return { step = step, count = count, whole = step * count }
end

local function place(scale, seconds) return ("%.3f%%"):format(100 * seconds / scale.whole) end

local function render_dots(row, scale)
  local out, count = {}, #row.walls
  for i, wall in ipairs(row.walls) do
    local share = count > 1 and (i - 1) / (count - 1) or 0.5
    out[i] = ('<i style="left:%s;--at:%.3f"></i>'):format(place(scale, wall), share)
  end
  return table.concat(out)
end

local function describe(row)
  local lines = { ("%s: %s (median of %d)"):format(row.label, short_time(row.wall), #row.walls),
    ("from %s to %s"):format(short_time(row.least), short_time(row.most)),
    ("%s as fast as %s"):format(text.speedup(row), row.baseline.label),
    ("%s of processor time, %s cores"):format(short_time(row.cpu), text.ratio(row.cores)) }
  if row.path_speedup then lines[#lines + 1] = text.factor(row.path_speedup) .. " on the critical path" end
  if row.lock_share then lines[#lines + 1] = text.percent(row.lock_share) .. " waiting for the lock" end
  if row.cpu_wait then lines[#lines + 1] = text.percent(row.cpu_wait) .. " without a processor" end
  return table.concat(lines, "\n")
end

local BAR = [[
<li class="bar%s" data-about="%s"><span class="bar-name">%s</span>
<span class="bar-figure"><b>%s</b> %s</span>
<span class="track" aria-hidden="true"><span class="run-most" style="width:%s"></span>
<span class="median" style="width:%s"></span>%s</span></li>
]]

local function render_bar(row, scale, best)
  return BAR:format(row == best and " best" or "", escape(describe(row)), escape(row.world), short_time(row.wall),
    escape(text.speedup(row)), place(scale, row.most), place(scale, row.wall), render_dots(row, scale))
end

local function render_marks(scale)
  local out = {}
  for i = 0, scale.count do
    out[i + 1] = ('<span style="left:%s">%s</span>'):format(place(scale, i * scale.step),
      i == 0 and "0" or ("%.4g %s"):format(scale.whole >= 1 and i * scale.step or i * scale.step * 1e3,
        scale.whole >= 1 and "s" or "ms"))
  end
  return '<div class="marks" aria-hidden="true"><div>' .. table.concat(out) .. "</div></div>\n"
end

-- What the bars of a group have in common; nil: nothing is varied.
local function name_of_group(row)
  local words = {}
  if row.lua then words[#words + 1] = "Lua " .. row.lua end
  if row.workers then words[#words + 1] = text.count_of(row.workers, "worker") end
  if row.chunks then words[#words + 1] = "chunks of " .. row.chunks end
  return #words > 0 and table.concat(words, ", ") or nil
end

-- Neighbours with the same settings: { name, rows } for each group.
local function groups_of(rows)
  local groups = {}
  for _, row in ipairs(rows) do
    local name, last = name_of_group(row), groups[#groups]
    if not last or last.name ~= name then
      last = { name = name, rows = {} }
      groups[#groups + 1] = last
    end
    table.insert(last.rows, row)
  end
  return groups
end

-- rows: of compare/summary.lua; best: the one that is called fastest, or nil.
function bars.render(rows, best)
  local scale, groups, out = scale_of(rows), groups_of(rows), {}
  for _, group in ipairs(groups) do
    local lines = {}
    for i, row in ipairs(group.rows) do lines[i] = render_bar(row, scale, best) end
    local head = group.name and ("<h3>%s</h3>\n"):format(escape(group.name)) or ""
    out[#out + 1] = ('<div class="group">\n%s<ul class="bars" style="--marks:%d">\n%s</ul>\n%s</div>\n'):format(head,
      scale.count, table.concat(lines), render_marks(scale))
  end
  return ('<div id="bars" class="groups">\n%s</div>\n'):format(table.concat(out))
end

return bars
