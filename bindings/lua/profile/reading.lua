-- SPDX-License-Identifier: MIT Reads a profile from a file that `manymoons profile` wrote: a page, folded stacks, or
-- speedscope's JSON. Folded stacks and sampled profiles of other programs are read as well.
--
-- The result is a profile as profile/tree.lua has it. Folded stacks and speedscope have one number for each stack, of
-- the mode in which they were written; it counts as time in which the thread ran.
local require = ...

local files = require("page.files")
local json = require("core.json")
local frame = require("page.frame")
local tree = require("profile.tree")

local KINDS = { ["[C]"] = "c", ["[manymoons]"] = "own" }
local US_OF_UNIT = { nanoseconds = 1e-3, microseconds = 1, milliseconds = 1e3, seconds = 1e6 }

local reading = {}

-- Building ------------------------------------------------------------------------------------------------------------

local Builder = {}
Builder.__index = Builder

local function new_builder(about)
  local profile = { seconds = about.seconds, rate = about.rate, command = about.command, functions = {}, threads = {},
    dropped = 0, samples = about.samples or 0, tops = {} }
  return setmetatable({ numbers = {}, threads = {}, profile = profile }, Builder)
end

-- The number of a function of this name and place.
function Builder:number(name, place, kind)
  local key = name .. "\n" .. place
  if not self.numbers[key] then
    local file, line = place:match("^(.*):(%d+)$")
    local functions = self.profile.functions
    functions[#functions + 1] = { name = name, file = KINDS[place] and "" or file or place, line = tonumber(line) or 0,
      kind = kind or KINDS[place] or "lua" }
    self.numbers[key] = #functions
  end
  return self.numbers[key]
end

function Builder:thread(about)
  local thread = { name = about.name, world = about.world or "main", vm = about.vm or 0, pid = about.pid or 0,
    thread = about.thread or 0, top = tree.new_node(0) }
  table.insert(self.profile.threads, thread)
  return thread
end

-- "world: name", as titles of threads are.
function Builder:thread_of_title(title)
  if not self.threads[title] then
    local world, name = title:match("^(%l+): (.+)$")
    self.threads[title] = self:thread({ name = name or title, world = world })
  end
  return self.threads[title]
end

local function add_stack(thread, numbers, us)
  local node = thread.top
  for _, number in ipairs(numbers) do node = tree.child(node, number) end
  node.times[1] = node.times[1] + us
end

-- A page --------------------------------------------------------------------------------------------------------------

local function is_time(value) return type(value) == "number" and value >= 0 end

-- A node is { place of its caller (0: the thread), function from 0, times… }; false: it is none.
local function add_row(nodes, row, numbers)
  local outer, number = nodes[row[1]], numbers[(tonumber(row[2]) or -1) + 1]
  if not outer or not number then return false end
  local node = tree.child(outer, number)
  for i = 1, #tree.states do
    if not is_time(row[2 + i]) then return false end
    node.times[i] = node.times[i] + row[2 + i]
  end
  nodes[#nodes + 1] = node
  return true
end

local function add_nodes(thread, rows, numbers)
  local nodes = { [0] = thread.top }
  for _, row in ipairs(rows) do
    if type(row) ~= "table" or not add_row(nodes, row, numbers) then return false end
  end
  return true
end

local function is_text(...)
  for _, value in ipairs({ ... }) do
    if type(value) ~= "string" then return false end
  end
  return true
end

-- Numbers were keys, which are text in JSON.
local function read_tops(plain)
  local tops = {}
  for pid, functions in pairs(plain or {}) do
    local numbers = {}
    for stack, number in pairs(functions) do numbers[tonumber(stack) or 0] = number end
    tops[tonumber(pid) or 0] = numbers
  end
  return tops
end

-- nil and why: the data are not those of a profile.
local function read_data(data)
  if data.before then return nil, "it has the differences of two profiles already" end
  local builder, numbers = new_builder(data), {}
  for i, f in ipairs(data.functions) do
    if not is_text(f.name, f.place, f.kind) then return nil, "it is damaged" end
    numbers[i] = builder:number(f.name, f.place, f.kind)
  end
  for _, about in ipairs(data.threads) do
    if not is_text(about.name, about.world) or type(about.nodes) ~= "table" then return nil, "it is damaged" end
    if not add_nodes(builder:thread(about), about.nodes, numbers) then return nil, "it is damaged" end
  end
  builder.profile.tops = read_tops(data.tops)
  return builder.profile
end

-- The profile on a page; or nil and why there is none.
function reading.of_page(text)
  local ok, data = pcall(frame.data_of, text)
  local profile = ok and type(data) == "table" and (data.profiles or {})[1]
  if type(profile) ~= "table" or type(profile.functions) ~= "table" or type(profile.threads) ~= "table" then
    return nil, "it is a page, but not that of a profile"
  end
  return read_data(profile)
end

-- speedscope ----------------------------------------------------------------------------------------------------------

local function frame_numbers(builder, frames)
  local numbers = {}
  for i, f in ipairs(frames) do
    local place = f.file and (f.line and ("%s:%d"):format(f.file, f.line) or f.file) or ""
    numbers[i] = builder:number(tostring(f.name), place, not f.file and "c" or nil)
  end
  return numbers
end

local function add_samples(thread, profile, numbers)
  local factor = US_OF_UNIT[profile.unit] or 1
  for i, sample in ipairs(profile.samples) do
    local stack = {}
    for place, number in ipairs(sample) do stack[place] = numbers[number + 1] end
    add_stack(thread, stack, (profile.weights[i] or 1) * factor)
  end
end

local function read_speedscope(text)
  local data = json.decode(text)
  local frames = type(data) == "table" and type(data.shared) == "table" and data.shared.frames
  if not frames or type(data.profiles) ~= "table" then return nil, "it is JSON, but not speedscope's" end
  local builder = new_builder({ command = data.name or "?" })
  local numbers = frame_numbers(builder, frames)
  for _, profile in ipairs(data.profiles) do
    if profile.type ~= "sampled" then return nil, "speedscope's profiles of kind 'evented' are not read" end
    add_samples(builder:thread_of_title(tostring(profile.name)), profile, numbers)
  end
  return builder.profile
end

-- Folded stacks -------------------------------------------------------------------------------------------------------

-- "name (place)", as labels of functions are.
local function number_of_label(builder, label)
  local name, place = label:match("^(.-) %((.+)%)$")
  return builder:number(name or label, place or "", not place and "state" or nil)
end

-- The first frame is the thread.
local function read_folded(text)
  local builder = new_builder({ command = "?" })
  for line in text:gmatch("[^\r\n]+") do
    local stack, weight = line:match("^(.-) (%d+%.?%d*)$")
    if not stack then return nil, "it is none of manymoons' pages, speedscope's JSON or folded stacks" end
    local numbers, title = {}, nil
    for word in stack:gmatch("[^;]+") do
      if title then numbers[#numbers + 1] = number_of_label(builder, word) end
      title = title or word
    end
    add_stack(builder:thread_of_title(title or "all"), numbers, tonumber(weight))
  end
  if #builder.profile.threads == 0 then return nil, "nothing is in it" end
  return builder.profile
end

-- The profile in a file; or nil and why there is none.
function reading.read(path)
  local text, why = files.read(path)
  if not text then return nil, why end
  local read = text:find("^%s*<") and reading.of_page or text:find("^%s*{") and read_speedscope or read_folded
  local ok, profile, problem = pcall(read, text)
  if not ok then profile, problem = nil, "it is damaged" end
  if not profile then return nil, path .. ": " .. problem end
  return profile
end

return reading
