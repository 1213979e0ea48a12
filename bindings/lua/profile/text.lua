-- SPDX-License-Identifier: MIT
-- A profile as a table for people: where the time went, by function.
local require = ...

local tree = require("profile.tree")

local text = {}

local MODE_WORDS = {
  cpu = "time in which threads computed, or were ready to",
  wall = "time of all threads, running or not",
  lock = "time in which the lock of a VM was held while another thread waited for it",
}

local function new_row(f)
  local row = { f = f, self = 0, total = 0, self_before = 0, total_before = 0, times = {}, lines = {} }
  for i = 1, #tree.states do row.times[i] = 0 end
  return row
end

local function add_node(rows, profile, node, path, mode)
  local weight, before, seen = tree.weight(node, mode), node.before and tree.sum(node.before, mode) or 0, {}
  for _, outer in ipairs(path) do
    local row = rows[outer.f] or new_row(profile.functions[outer.f])
    rows[outer.f] = row
    if not seen[outer.f] then
      row.total, row.total_before = row.total + weight, row.total_before + before
    end
    seen[outer.f] = true
  end
  local row = rows[node.f]
  row.self, row.self_before = row.self + weight, row.self_before + before
  for i, time in ipairs(node.times) do row.times[i] = row.times[i] + time end
  for line, time in pairs(node.lines) do row.lines[line] = (row.lines[line] or 0) + time end
end

-- A list of rows, one for each function.
local function sum_up(profile, mode)
  local rows, list = {}, {}
  for _, thread in ipairs(profile.threads) do
    tree.each(thread.top, function(node, path) add_node(rows, profile, node, path, mode) end)
  end
  for _, row in pairs(rows) do
    if row.total > 0 or row.total_before > 0 then list[#list + 1] = row end
  end
  return list
end

-- Rows of functions, those with the most time of their own first, and the time in all.
function text.rows(profile, mode)
  local list, all = sum_up(profile, mode), 0
  for _, row in ipairs(list) do all = all + row.self end
  table.sort(list, function(a, b)
    if a.self ~= b.self then return a.self > b.self end
    if a.total ~= b.total then return a.total > b.total end
    return tree.label_of(a.f) < tree.label_of(b.f)
  end)
  return list, all
end

local function percent(part, whole) return whole > 0 and ("%.1f"):format(100 * part / whole) or "0.0" end

local function hottest_line(row)
  local best, most
  for line, time in pairs(row.lines) do
    if not most or time > most or (time == most and line < best) then best, most = line, time end
  end
  return best and row.f.kind == "lua" and best ~= row.f.line and ", most of it in line " .. best or ""
end

local function count_of(number, one, ending) return ("%d %s%s"):format(number, one, number == 1 and "" or ending) end

-- One line: what was sampled.
function text.summary(profile)
  local pids, processes = {}, 0
  for _, thread in ipairs(profile.threads) do
    if not pids[thread.pid] then processes = processes + 1 end
    pids[thread.pid] = true
  end
  local line = ("%s in %.2f s: %s in %s"):format(count_of(profile.samples, "sample", "s"),
    profile.seconds, count_of(#profile.threads, "thread", "s"), count_of(processes, "process", "es"))
  if profile.dropped > 0 then line = line .. (", and %d more for which there was no room"):format(profile.dropped) end
  return line
end

-- A sentence for each process of the list that no sample is of.
function text.silent(found, pids)
  local there, lines = {}, {}
  for _, process in ipairs(found) do there[process.pid] = #process.stacks > 0 end
  for _, pid in ipairs(pids) do
    if not there[pid] then
      lines[#lines + 1] = ("process %d does not answer: it runs no Lua, is inside a C function, or computes in a host ")
        :format(pid) .. "that cannot be asked\n"
    end
  end
  return lines
end

-- Differences ---------------------------------------------------------------------------------------------------------

function text.seconds(us) return ("%.2f s"):format(us / 1e6) end

-- With its sign.
function text.change(us) return ("%+.2f s"):format(us / 1e6) end

-- Rows of functions whose time in all changed the most first, and the time in all, before and after.
function text.changes(profile, mode)
  local list, before, after = sum_up(profile, mode), 0, 0
  for _, row in ipairs(list) do before, after = before + row.self_before, after + row.self end
  local function change(row) return math.abs(row.total - row.total_before) end
  table.sort(list, function(a, b)
    if change(a) ~= change(b) then return change(a) > change(b) end
    return tree.label_of(a.f) < tree.label_of(b.f)
  end)
  return list, before, after
end

local function in_percent(before, after)
  return before > 0 and (" (%+.1f %%)"):format(100 * (after - before) / before) or ""
end

-- One line: how much the whole changed.
function text.summary_of_changes(profile, mode)
  local _, before, after = text.changes(profile, mode)
  return ("%s: %s before, %s after: %s%s"):format(MODE_WORDS[mode], text.seconds(before), text.seconds(after),
    text.change(after - before), in_percent(before, after))
end

-- The `most` functions whose time in all changed the most.
function text.top_changes(profile, mode, most)
  local rows = text.changes(profile, mode)
  local lines = { text.summary_of_changes(profile, mode),
    "    CHANGE     BEFORE      AFTER  SELF BEFORE  SELF AFTER  FUNCTION" }
  if #rows == 0 then lines[2] = "  none" end
  for i = 1, math.min(#rows, most) do
    local row = rows[i]
    lines[#lines + 1] = ("%10s %10s %10s %12s %11s  %s"):format(text.change(row.total - row.total_before),
      text.seconds(row.total_before), text.seconds(row.total), text.seconds(row.self_before), text.seconds(row.self),
      tree.label_of(row.f))
  end
  if #rows > most then lines[#lines + 1] = ("  … and %d more functions"):format(#rows - most) end
  return table.concat(lines, "\n") .. "\n"
end

-- The `most` functions with the most time of their own.
function text.top(profile, mode, most)
  local rows, all = text.rows(profile, mode)
  local lines = { text.summary(profile), "Shares of the " .. MODE_WORDS[mode] .. (" (%.2f s):"):format(all / 1e6),
    "  SELF %  TOTAL %      RAN    READY     LOCK     CALL    SLEPT  FUNCTION" }
  if #rows == 0 then lines[3] = "  none" end
  for i = 1, math.min(#rows, most) do
    local row, times = rows[i], {}
    for place = 1, #tree.states - 1 do times[place] = ("%7.2f s"):format(row.times[place] / 1e6) end
    lines[#lines + 1] = ("%8s %8s%s  %s%s"):format(percent(row.self, all), percent(row.total, all),
      table.concat(times), tree.label_of(row.f), hottest_line(row))
  end
  if #rows > most then lines[#lines + 1] = ("  … and %d more functions"):format(#rows - most) end
  return table.concat(lines, "\n") .. "\n"
end

return text
