-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local function signal(name, pid) os.execute(string.format("kill -%s %d", name, pid)) end

local pool = mm.Pool(2)
local started, go_on = mm.Queue(), mm.Queue()
local slow = pool:submit(function()
  started:put(mm.current_process().pid)
  go_on:get()
  return "came back"
end)
local pid = started:get()
signal("STOP", pid)
go_on:put(true)
-- The other worker continues.
local squares = {}
for i = 1, 200 do squares[i] = pool:submit(function(x) return x * x end, i) end
for i = 1, 200 do expect.equal(squares[i]:get(), i * i) end
expect.equal(slow:ready(), false)
signal("CONT", pid)
expect.equal(slow:get(), "came back")
pool:close()
expect.equal(pool:join(), true)
