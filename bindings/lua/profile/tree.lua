-- SPDX-License-Identifier: MIT
-- What a profile says, from what was sampled (profile/profiling.c): functions, and a tree of calls for each thread.
--
--   profile   { seconds, rate, command, functions, threads, dropped, samples, tops }
--   function  { name, file, line, kind = "lua" | "c" | "own" | "state" }, by number
--   thread    { name, world, vm, pid, thread, top = node }
--   node      { f = number of a function, times = { microseconds by state }, lines = { [line] = microseconds },
--               calls = { nodes by function }, order = { the same in a list } }
--   tops      { [pid] = { [stack] = number of the function on top } }: a recording of the same run has these stacks
--
-- A node of the differences of two profiles also has `before`, the times of the first one (profile/difference.lua).
--
-- The functions of this library are no concern of the script: of a row of them the first one stays, which the script
-- has called, under the name that the script used.
local require, native = ...

local names = require("profile.names")

local MAIN_CHUNK, C_FUNCTION = 1, 2
local DEEP = 200 -- calls of a stack that are kept (vm/state/stack_walk.h)

local tree = { states = native.profile_states() }
local STATES = #tree.states

-- Functions -----------------------------------------------------------------------------------------------------------

local Functions = {}
Functions.__index = Functions

local function new_functions(pid)
  return setmetatable({ list = {}, numbers = {}, find_name = names.reader(pid) }, Functions)
end

function Functions:number(key, make)
  local number = self.numbers[key]
  if not number then
    number = #self.list + 1
    self.list[number], self.numbers[key] = make(), number
  end
  return number
end

function Functions:of_state(text)
  return self:number("state:" .. text, function() return { name = text, file = "", line = 0, kind = "state" } end)
end

-- The number of the function of a frame; nil for a C function without a name.
function Functions:of_frame(frame)
  local source, name, line, language = frame[1], frame[2], frame[4], frame[5]
  if language == C_FUNCTION then
    return name ~= "" and self:number("c:" .. name, function()
      return { name = native.printable(name), file = "", line = 0, kind = "c" }
    end) or nil
  end
  if names.is_internal(source) then
    name = name ~= "" and name or (self.find_name(source, line) or "function"):match("[%w_]+$")
    return self:number("own:" .. name, function() return { name = name, file = "", line = 0, kind = "own" } end)
  end
  return self:number(source .. ":" .. line, function()
    local found = language == MAIN_CHUNK and "main chunk" or self.find_name(source, line) or "function"
    return { name = native.printable(found), file = native.printable(names.file(source)), line = line,
      kind = "lua" }
  end)
end

-- Stacks --------------------------------------------------------------------------------------------------------------

-- The frames of a stack, the outermost first, and the number of its root; 0: what the numbers say is no stack.
local function frames_of(process, number)
  local inward, frames, stacks = {}, {}, process.stacks
  while stacks[number] and stacks[number][2] ~= 0 do
    local parent, frame = stacks[number][1], process.frames[stacks[number][2]]
    if parent >= number or not frame or #inward == DEEP then return {}, 0 end
    inward[#inward + 1] = frame
    number = parent
  end
  for i = #inward, 1, -1 do frames[#frames + 1] = inward[i] end
  return frames, number
end

local function is_internal(frame) return frame[5] ~= C_FUNCTION and names.is_internal(frame[1]) end

-- The functions of a stack that concern the script, each with its present line, from the outermost one. What stands
-- below the script's first function is a worker's loop, or that of tasks.
local function calls_of(functions, frames)
  local calls, is_inside = {}, true
  if #frames == DEEP then calls[1] = { functions:of_state("(deeper calls)"), 0 } end
  for i = 1, #frames do
    local frame = frames[i]
    local is_own = is_internal(frame)
    local number = not (is_inside and (is_own or frame[5] == C_FUNCTION)) and functions:of_frame(frame)
    if number then calls[#calls + 1] = { number, frame[3] } end
    if frame[5] ~= C_FUNCTION then is_inside = is_own end
  end
  return calls
end

-- The tree ------------------------------------------------------------------------------------------------------------

function tree.new_node(number)
  local node = { f = number, times = {}, lines = {}, calls = {}, order = {} }
  for i = 1, STATES do node.times[i] = 0 end
  return node
end

function tree.child(node, number)
  local found = node.calls[number]
  if not found then
    found = tree.new_node(number)
    node.calls[number] = found
    node.order[#node.order + 1] = found
  end
  return found
end

-- In all, without `holds`, which is counted besides.
local function sum_of(times)
  local sum = 0
  for i = 1, STATES - 1 do sum = sum + times[i] end
  return sum
end

local function add(top, calls, stack)
  local node = top
  for _, call in ipairs(calls) do node = tree.child(node, call[1]) end
  local times = {}
  for i = 1, STATES do times[i] = stack[2 + i] end
  for i = 1, STATES do node.times[i] = node.times[i] + times[i] end
  local last = calls[#calls]
  if last and last[2] > 0 then node.lines[last[2]] = (node.lines[last[2]] or 0) + sum_of(times) end
end

-- What a thread does while it runs nothing of the script, by state.
local OWN_WORK = { ran = "(the worker itself)", ready = "(the worker itself)", lock = "(the worker itself)",
  call = "(waits for work)", slept = "(waits for work)", holds = "(the worker itself)" }

-- Adds the times of a stack without functions of the script.
local function add_own(functions, thread, stack)
  for i, state in ipairs(tree.states) do
    local name = thread.world == "main" and "(the end of the program)" or OWN_WORK[state]
    if stack[2 + i] > 0 then
      local node = tree.child(thread.top, functions:of_state(name))
      node.times[i] = node.times[i] + stack[2 + i]
    end
  end
end

local function new_thread(root, pid)
  local world = root.world ~= "" and native.printable(root.world) or "main"
  return { name = native.printable(root.name), world = world, vm = root.vm, heap = root.heap, pid = pid,
    thread = root.thread, top = tree.new_node(0) }
end

-- A thread that got its name later has two roots.
local function key_of(thread) return thread.pid .. "/" .. thread.thread .. "/" .. thread.vm .. "/" .. thread.name end

local function add_process(profile, functions, process, threads)
  profile.dropped = profile.dropped + process.dropped
  local tops = profile.tops[process.pid] or {}
  profile.tops[process.pid] = tops
  for number, stack in ipairs(process.stacks) do
    local samples = stack[3 + STATES]
    if samples > 0 then
      local frames, place = frames_of(process, number)
      local root = process.stacks[place]
      if root and root.name then
        local thread = new_thread(root, process.pid)
        local key = key_of(thread)
        if not threads[key] then
          threads[key] = thread
          profile.threads[#profile.threads + 1] = thread
        end
        local calls = calls_of(functions, frames)
        if #calls > 0 then
          tops[number] = calls[#calls][1]
          add(threads[key].top, calls, stack)
        else
          add_own(functions, threads[key], stack)
        end
        profile.samples = profile.samples + samples
      end
    end
  end
end

function tree.is_before(a, b)
  if (a.world == "main") ~= (b.world == "main") then return a.world == "main" end
  if a.world ~= b.world then return a.world < b.world end
  local x, y = tonumber(a.name:match("%d+$")) or 0, tonumber(b.name:match("%d+$")) or 0
  if x ~= y then return x < y end
  return a.pid == b.pid and a.thread < b.thread or a.pid < b.pid
end

-- The profile that native.profile_read returned. about: seconds, rate, command.
function tree.read(processes, about)
  local profile = { seconds = about.seconds, rate = about.rate, command = about.command, threads = {}, dropped = 0,
    samples = 0, tops = {} }
  local functions = new_functions()
  for _, process in ipairs(processes) do add_process(profile, functions, process, {}) end
  table.sort(profile.threads, tree.is_before)
  profile.functions = functions.list
  return profile
end

-- The present stacks -------------------------------------------------------------------------------------------------

local function newest_of(process)
  local newest = {}
  for number, stack in ipairs(process.stacks) do
    local time = stack[4 + STATES]
    if time > 0 then
      local frames, place = frames_of(process, number)
      local root = process.stacks[place]
      if root and root.name and (not newest[place] or newest[place].time < time) then
        newest[place] = { time = time, frames = frames, state = tree.states[stack[5 + STATES]], root = root,
          holds = stack[2 + STATES] > 0 }
      end
    end
  end
  return newest
end

-- Where each thread was when it was last looked at: threads as in a profile, with a state, and a list of calls from the
-- innermost one, each { f = function, line = number or 0 }.
function tree.present(processes)
  local threads, functions = {}, new_functions(processes[1] and processes[1].pid)
  for _, process in ipairs(processes) do
    for _, newest in pairs(newest_of(process)) do
      local thread = new_thread(newest.root, process.pid)
      thread.state, thread.holds, thread.calls = newest.state, newest.holds, {}
      local calls = calls_of(functions, newest.frames)
      for i = #calls, 1, -1 do
        thread.calls[#thread.calls + 1] = { f = functions.list[calls[i][1]], line = calls[i][2] }
      end
      threads[#threads + 1] = thread
    end
  end
  table.sort(threads, tree.is_before)
  return threads
end

-- Modes ---------------------------------------------------------------------------------------------------------------

-- Which times each mode counts, by state.
tree.modes = {
  cpu = { ran = true, ready = true },
  wall = { ran = true, ready = true, lock = true, call = true, slept = true },
  lock = { holds = true },
}
tree.mode_names = { "cpu", "wall", "lock" }

-- The sum of times that a mode counts.
function tree.sum(times, mode)
  local sum, counted = 0, tree.modes[mode]
  for i, state in ipairs(tree.states) do
    if counted[state] then sum = sum + times[i] end
  end
  return sum
end

-- The microseconds of a node, without its calls, that a mode counts.
function tree.weight(node, mode) return tree.sum(node.times, mode) end

-- The functions on top of the stacks of a recording of the same run, as people read them: names by process and stack.
function tree.names_of_stacks(profile)
  local names_of = {}
  for pid, tops in pairs(profile.tops) do
    names_of[pid] = {}
    for stack, number in pairs(tops) do names_of[pid][stack] = tree.label_of(profile.functions[number]) end
  end
  return names_of
end

-- Calls visit(node, path) for each node below one; path has the nodes from the outermost one to this one.
function tree.each(node, visit, path)
  path = path or {}
  for _, below in ipairs(node.order) do
    path[#path + 1] = below
    visit(below, path)
    tree.each(below, visit, path)
    path[#path] = nil
  end
end

function tree.place_of(f)
  if f.kind == "c" then return "[C]" end
  if f.kind == "own" then return "[manymoons]" end
  return f.file ~= "" and (f.line > 0 and f.file .. ":" .. f.line or f.file) or ""
end

function tree.label_of(f)
  local place = tree.place_of(f)
  return place ~= "" and f.name .. " (" .. place .. ")" or f.name
end

function tree.title_of(thread)
  return thread.world == "main" and thread.name or thread.world .. ": " .. thread.name
end

return tree
