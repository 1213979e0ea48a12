-- SPDX-License-Identifier: MIT
-- worlds: processes
-- Of several things, and in tasks: the end of a pipe whose other end a killed process held becomes ready, also where
-- nothing waits for that process.
local mm = require "manymoons"
local expect = require "expect"

local function hold(connection)
  connection:send(require("manymoons").current_process().pid)
  connection:recv()
end

local function start()
  local mine, theirs = mm.Pipe()
  local p = mm.Process(hold, theirs)
  p:start()
  theirs:close()
  return mine, mine:recv(expect.HANG)
end

local other = mm.Queue()
local mine, pid = start()
os.execute("kill -9 " .. pid)
expect.equal(#mm.wait({ other, mine }, expect.HANG), 1)
expect.equal({ mine:recv() }, { nil, "closed" })

local other_end, other_pid = start()
mm.async.run(function()
  local waits = mm.async.spawn(function() return select(2, other_end:recv(expect.HANG)) end)
  local looks = mm.async.spawn(function() return #mm.wait({ other, other_end }, expect.HANG) end)
  mm.sleep(0)
  os.execute("kill -9 " .. other_pid)
  expect.equal({ waits:get(), looks:get() }, { "closed", 1 })
end)
