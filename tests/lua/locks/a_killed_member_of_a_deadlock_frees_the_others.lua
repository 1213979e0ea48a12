-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

-- Takes a lock, then the other one, with a timeout: it is in no deadlock that anything refuses.
local function cross(first, second, held, seconds)
  first:acquire()
  held:set()
  second:acquire(seconds)
  mm.sleep(seconds)
end

local a, b = mm.Lock(), mm.Lock()
a:acquire()
local held = mm.Event()
local other = mm.Process(cross, b, a, held, 2 * expect.HANG)
other:start()
expect.truthy(held:wait(expect.HANG))
expect.equal({ b:acquire(0.6) }, { nil, "timeout" }, "a timeout on either side is no deadlock")
local killer = mm.Process(function(pid)
  mm.sleep(0.3)
  os.execute("kill -9 " .. pid)
end, other.pid)
killer:start()
expect.equal({ b:acquire() }, { true, "abandoned" })
b:release()
a:release()
expect.truthy(other:join(expect.HANG))
expect.truthy(killer:join(expect.HANG))
