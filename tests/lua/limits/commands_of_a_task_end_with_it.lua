-- SPDX-License-Identifier: MIT
-- What a task runs by os.execute and io.popen ends when the task's time is over, when the task is cancelled, when its
-- pool is terminated, and when its worker is killed; what a task that ended left running goes on.
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local IS_PROCESS = mm.current_world() == "processes"

local function read_file(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

local function eventually(what, f)
  local until_when = mm.time() + expect.HANG
  while not f() do
    if mm.time() > until_when then error("this did not come about: " .. what, 2) end
    mm.sleep(0.06) -- shorter ones do not look after pools
  end
end

local function is_alive(pid)
  local stat = read_file("/proc/" .. pid .. "/stat")
  return stat ~= nil and not stat:find("%) [ZX]")
end

-- The shell's number, and that of a process which the shell waits for.
local COMMAND = "sleep 1000 & echo $$ $! >%s.new; mv %s.new %s; wait; true"
local count = 0
local function new_path()
  count = count + 1
  return "pids" .. count
end

local function execute(path)
  os.execute((COMMAND:gsub("%%s", path)))
  return "ended"
end
local function popen(path)
  local pipe = io.popen((COMMAND:gsub("%%s", path)))
  return pipe:read("*a") or "ended"
end

local function pids_of(path)
  eventually("the command runs", function() return read_file(path) end)
  local first, second = read_file(path):match("(%d+) (%d+)")
  return { first, second }
end

local function check_ended(what, pids)
  for _, pid in ipairs(pids) do
    eventually(what .. ": " .. pid .. " ends", function() return not is_alive(pid) end)
  end
end

for name, run in pairs({ execute = execute, popen = popen }) do
  local pool = mm.Pool(1)
  local path = new_path()
  local future = pool:submit(run, path)
  local pids = pids_of(path)
  expect.equal(future:cancel(), true)
  check_ended(name .. " of a task that is cancelled", pids)
  expect.equal(pool:apply(function() return "next" end), "next")

  -- The time is long enough for the command to begin.
  path = new_path()
  future = pool:apply_async(run, { path }, { timeout = 1 })
  pids = pids_of(path)
  local ok, err = pcall(future.get, future, expect.HANG)
  expect.equal({ ok, ok or err.kind }, { false, "timeout" })
  check_ended(name .. " of a task whose time is over", pids)
  expect.equal(pool:apply(function() return "next" end), "next")

  path = new_path()
  pool:submit(run, path)
  pids = pids_of(path)
  pool:terminate()
  check_ended(name .. " of a pool that is terminated", pids)

  if IS_PROCESS then
    pool = mm.Pool(1)
    local worker = pool:apply(function() return require("manymoons").current_process().pid end)
    path = new_path()
    future = pool:submit(run, path)
    pids = pids_of(path)
    os.execute("kill -9 " .. worker)
    ok, err = pcall(future.get, future, expect.HANG)
    expect.equal({ ok, ok or err.kind }, { false, "died" })
    check_ended(name .. " of a worker that is killed", pids)
    pool:terminate()
  end
end

-- Of a task that ended by itself.
local pool = mm.Pool(1)
local path = new_path()
expect.equal(pool:apply(function(file)
  os.execute("sleep 1000 >/dev/null 2>&1 & echo $! $! >" .. file)
  return "left"
end, path), "left")
local pid = pids_of(path)[1]
pool:close()
pool:join()
expect.equal(is_alive(pid), true)
os.execute("kill -9 " .. pid)
check_ended("what was left", { pid })
