-- SPDX-License-Identifier: MIT
-- A profile for other programs: folded stacks (flamegraph.pl, inferno) and speedscope's JSON.
local require = ...

local json = require("core.json")
local tree = require("profile.tree")

local export = {}

-- A semicolon and a line's end would part a frame in two.
local function folded_name(name) return (name:gsub("[;\r\n]", " ")) end

local function stack_of(profile, thread, path)
  local words = { folded_name(tree.title_of(thread)) }
  for i, node in ipairs(path) do words[i + 1] = folded_name(tree.label_of(profile.functions[node.f])) end
  return table.concat(words, ";")
end

-- Lines "thread;function;…;function microseconds"; of differences "… microseconds-before microseconds-after", as
-- difffolded.pl and inferno-diff-folded write them.
function export.folded(profile, mode)
  local sums, before, order = {}, {}, {}
  for _, thread in ipairs(profile.threads) do
    tree.each(thread.top, function(node, path)
      local weight, old = tree.weight(node, mode), node.before and tree.sum(node.before, mode) or 0
      if weight == 0 and old == 0 then return end
      local stack = stack_of(profile, thread, path)
      if not sums[stack] then order[#order + 1] = stack end
      sums[stack], before[stack] = (sums[stack] or 0) + weight, (before[stack] or 0) + old
    end)
  end
  for i, stack in ipairs(order) do
    local numbers = profile.before and ("%.0f %.0f"):format(before[stack], sums[stack]) or ("%.0f"):format(sums[stack])
    order[i] = stack .. " " .. numbers .. "\n"
  end
  return table.concat(order)
end

local function frames_of(profile)
  local frames = json.list()
  for i, f in ipairs(profile.functions) do
    frames[i] = { name = f.name }
    if f.kind == "lua" then
      frames[i].file = f.file
      frames[i].line = f.line > 0 and f.line or nil
    end
  end
  return frames
end

local function thread_of(thread, mode)
  local samples, weights, all = json.list(), json.list(), 0
  tree.each(thread.top, function(node, path)
    local weight = tree.weight(node, mode)
    if weight == 0 then return end
    local stack = json.list()
    for i, outer in ipairs(path) do stack[i] = outer.f - 1 end
    samples[#samples + 1], weights[#weights + 1] = stack, weight
    all = all + weight
  end)
  return { type = "sampled", name = tree.title_of(thread), unit = "microseconds",
    startValue = 0, endValue = all, samples = samples, weights = weights }
end

-- A profile for each thread, its stacks in no order of time.
function export.speedscope(profile, mode)
  local profiles = json.list()
  for i, thread in ipairs(profile.threads) do profiles[i] = thread_of(thread, mode) end
  return json.encode({ ["$schema"] = "https://www.speedscope.app/file-format-schema.json", exporter = "manymoons",
    name = profile.command, activeProfileIndex = 0,
    shared = { frames = frames_of(profile) }, profiles = profiles }) .. "\n"
end

return export
