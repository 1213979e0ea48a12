-- SPDX-License-Identifier: MIT
-- The differences of two profiles: the tree of the second one, in which each node also has its times in the first one,
-- `before`. A function or thread that only one of them has is there with zeros.
--
-- Threads are the same if they have the same world and name, functions if they have the same name and file. The line
-- in which a function begins says nothing: the code above it may have changed between the two. So functions without a
-- name are the same if they are the first, second, … of their file, or, where the two have different numbers of
-- these, if they begin in the same line. The scripts of the two are one file, whatever they are called.
local require = ...

local tree = require("profile.tree")

local difference = {}

local function zeros()
  local list = {}
  for i = 1, #tree.states do list[i] = 0 end
  return list
end

local ANONYMOUS = "function"

-- The name of a function's file; that of the script is the same in all profiles.
local function file_of(f, profile) return f.file == profile.command:gsub("^%./", "") and "(the script)" or f.file end

-- The lines in which functions without a name begin, by file, in order.
local function lines_by_file(profile)
  local lines = {}
  for _, f in ipairs(profile.functions) do
    local file = file_of(f, profile)
    lines[file] = lines[file] or {}
    if f.name == ANONYMOUS then table.insert(lines[file], f.line) end
  end
  for _, list in pairs(lines) do table.sort(list) end
  return lines
end

-- What tells a function without a name from others of its file.
local function place_in(lines, others, line)
  if not others or #others ~= #lines then return "line " .. line end
  for i, other in ipairs(lines) do
    if other == line then return i end
  end
end

-- The number in `whole` of each function of a profile; `other` is the one with which it is compared.
local function add_functions(whole, numbers, profile, other)
  local own, lines, other_lines = {}, lines_by_file(profile), lines_by_file(other)
  for i, f in ipairs(profile.functions) do
    local file = file_of(f, profile)
    local place = f.name == ANONYMOUS and place_in(lines[file], other_lines[file], f.line) or ""
    local key = table.concat({ f.kind, f.name, file, place }, "\n")
    if not numbers[key] then
      whole.functions[#whole.functions + 1] = f
      numbers[key] = #whole.functions
    end
    own[i] = numbers[key]
  end
  return own
end

-- field: the one that gets the times.
local function add_tree(to, from, numbers, field)
  for _, node in ipairs(from.order) do
    local same = tree.child(to, numbers[node.f])
    same.before = same.before or zeros()
    for i, time in ipairs(node.times) do same[field][i] = same[field][i] + time end
    add_tree(same, node, numbers, field)
  end
end

local function add_threads(whole, by_title, profile, numbers, field)
  for _, thread in ipairs(profile.threads) do
    local title = tree.title_of(thread)
    if not by_title[title] then
      by_title[title] = { name = thread.name, world = thread.world, vm = thread.vm, pid = thread.pid,
        thread = thread.thread, top = tree.new_node(0) }
      table.insert(whole.threads, by_title[title])
    end
    add_tree(by_title[title].top, thread.top, numbers, field)
  end
end

-- The second profile, with the times of the first one beside its own.
function difference.of(before, after)
  local whole = { command = after.command, seconds = after.seconds, rate = after.rate, samples = after.samples,
    dropped = after.dropped, functions = {}, threads = {}, tops = {}, before = before }
  local numbers, by_title = {}, {}
  local after_numbers = add_functions(whole, numbers, after, before)
  local before_numbers = add_functions(whole, numbers, before, after)
  add_threads(whole, by_title, after, after_numbers, "times")
  add_threads(whole, by_title, before, before_numbers, "before")
  table.sort(whole.threads, tree.is_before)
  return whole
end

return difference
