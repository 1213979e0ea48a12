-- SPDX-License-Identifier: MIT
-- As in Python, a Process is a daemon if the worker that makes it is one, unless the script says so.
local mm = require "manymoons"
local expect = require "expect"

expect.equal(mm.Process(print).daemon, false)

local flags = mm.Queue()
local function flags_of_new_ones()
  local by_itself = mm.Process(print)
  local named = mm.Process{ target = print }
  local other = mm.Process{ target = print, daemon = not by_itself.daemon }
  return { mm.current_process().daemon, by_itself.daemon, named.daemon, other.daemon }
end
local function make(is_daemon)
  local worker = mm.Process{ target = function() flags:put(flags_of_new_ones()) end, daemon = is_daemon }
  expect.equal(worker.daemon, is_daemon or false)
  worker:start()
  expect.truthy(worker:join(expect.HANG))
  return flags:get(expect.HANG)
end
expect.equal(make(nil), { false, false, false, true })
expect.equal(make(false), { false, false, false, true })
expect.equal(make(true), { true, true, true, false })

local pool = mm.Pool(1)
expect.equal(pool:apply(flags_of_new_ones), { true, true, true, false })
pool:terminate()

-- So what a daemon starts, and does not wait for, ends with it.
if mm.current_world() ~= "serial" then
  local worker = mm.Process{ target = function() mm.Process(mm.sleep, 1e6):start() end, daemon = true }
  worker:start()
  expect.truthy(worker:join(expect.HANG), "the daemon's end")
  expect.equal(worker.exitcode, 0)
end
