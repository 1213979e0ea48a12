-- SPDX-License-Identifier: MIT
-- The machine of the figures, and the contenders that it has.
local machine = {}

-- The first line that a command prints; nil if it fails or prints none.
local function read_command(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe:read("*l")
  pipe:close()
  return line ~= "" and line or nil
end

local function read_field(path, pattern)
  for line in io.lines(path) do
    local value = line:match(pattern)
    if value then return value end
  end
end

-- A program, as a word for the shell; nil if the machine does not have it.
local function find_program(name) return read_command("command -v " .. name) end

-- The words in braces of rows.lua, without those for programs that this machine does not have. Python is that of the
-- distribution, which `make bench` installs, if there is one; the variables PYTHON and NODE name others.
function machine.find_programs(build, folder)
  return {
    manymoons = ("env LUA_PATH='%s/lua/?.lua;;' %s/manymoons"):format(folder, build),
    lua = folder .. "/lua",
    lua54 = find_program("lua5.4"),
    python = find_program(os.getenv("PYTHON") or "/usr/bin/python3") or find_program("python3"),
    python_dir = folder .. "/python",
    scripts = folder .. "/../../scripts",
    node = find_program(os.getenv("NODE") or "node"),
    node_dir = folder .. "/node",
    taskset = find_program("taskset"),
    parallel = find_program("parallel"),
    xargs = find_program("xargs"),
    mawk = find_program("mawk"),
    reference = find_program(build .. "/bench/reference"),
    load = find_program(build .. "/bench/load"),
    luajit = find_program("luajit") and ("env 'LUA_CPATH=%s/lua/5.1/?.so;;' luajit"):format(build),
  }
end

-- The processors' ticks since the start of the system: all, those in which they were idle, and those that the
-- hypervisor took.
local function ticks()
  local all, list = 0, {}
  for number in read_field("/proc/stat", "^cpu (.*)"):gmatch("%d+") do
    list[#list + 1] = tonumber(number)
    if #list <= 8 then all = all + list[#list] end
  end
  return { all = all, idle = list[4] + list[5], stolen = list[8] }
end

-- The shares of the processors' time since `before`, a result of this function, in which they were in use, and stolen.
function machine.load(before)
  local now = ticks()
  local all = before and now.all - before.all or 0
  if all == 0 then return now, 0, 0 end
  local stolen = (now.stolen - before.stolen) / all
  return now, 1 - (now.idle - before.idle) / all - stolen, stolen
end

-- Lines of Markdown.
function machine.describe(programs)
  local cpu = read_field("/proc/cpuinfo", "^model name%s*:%s*(.*)") or read_command("uname -m")
  local memory = tonumber(read_field("/proc/meminfo", "^MemTotal:%s*(%d+)")) / 1024 / 1024
  local python = programs.python and read_command(programs.python .. " --version") or "no Python"
  local node = programs.node and "Node " .. read_command(programs.node .. " --version") or "no Node"
  return table.concat({
    "- date: " .. os.date("!%Y-%m-%d"),
    ("- machine: %s, %s processors, %.0f GiB"):format(cpu, read_command("nproc"), memory),
    "- system: " .. read_command("uname -sr") .. "; no thread is pinned but in the figures for one core",
    ("- contenders: manymoons %s with %s, %s, %s"):format(require("manymoons").version, _VERSION, python, node),
  }, "\n") .. "\n"
end

return machine
