-- SPDX-License-Identifier: MIT
-- await for callbacks, wait_fd for descriptors, to_thread and to_process for calls that would block the thread.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async

async.run(function()
  -- Called at once, later, twice
  expect.equal({ async.await(function(resume) resume(1, 2) end) }, { 1, 2 })
  local again
  local first = async.await(function(resume)
    async.spawn(function()
      mm.sleep(0.001)
      expect.equal(resume("later"), true)
      again = resume("twice")
    end)
  end)
  mm.sleep(0)
  expect.equal({ first, again }, { "later", false })

  -- Cancelled meanwhile: resume does nothing
  local kept
  local task = async.spawn(function() async.await(function(resume) kept = resume end) end)
  mm.sleep(0)
  task:cancel()
  expect.equal(kept(1), false)

  -- Other tasks run while a thread or a process works.
  local ticks, is_over = 0, false
  local ticker = async.spawn(function()
    while not is_over do
      ticks = ticks + 1
      mm.sleep(0.001)
    end
  end)
  expect.equal({ async.to_thread(function(a, b)
    local before = ticks
    while ticks < before + 2 do mm.sleep(0.001) end
    return a + b, a * b
  end, 3, 4) }, { 7, 12 })
  expect.equal(async.to_process(function(limit)
    local sum = 0
    for i = 1, limit do sum = sum + i end
    return sum
  end, 1000), 500500)
  is_over = true
  ticker:get()
  expect.equal(expect.raises("in there", async.to_process, function() error("in there") end).kind, "error")

  -- Many at once
  local tasks = {}
  for i = 1, 50 do tasks[i] = async.spawn(function() return (async.to_thread(function() return i end)) end) end
  for i, value in ipairs(async.gather(tasks)) do expect.equal(value, i) end
end)

-- Descriptors, in tasks and outside.
local here, there = mm.processes.Pipe()
if here.fileno then
  local fd = here:fileno()
  expect.equal({ async.wait_fd(fd, "r", 0.01) }, { nil, "timeout" })
  async.run(function()
    expect.equal({ async.wait_fd(fd, "r", 0.01) }, { nil, "timeout" })
    async.spawn(function() there:send("x") end)
    expect.equal(async.wait_fd(here, "r", expect.HANG), true)
  end)
  expect.equal(here:recv(expect.HANG), "x")
end
expect.raises("wait_fd: argument 1: a file descriptor expected, got nil", async.wait_fd)
expect.raises("wait_fd: argument 2: 'r' or 'w' expected, got x", async.wait_fd, 0, "x")
local file = io.open("/proc/self/status")
expect.equal(file:read("*l") ~= nil, true)
file:close()
