-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

expect.equal(mm.worlds, { "serial", "async", "threads", "interpreters", "processes" })
local current = mm.current_world()
expect.equal(mm.world(current), mm[current])
local pool = mm.Pool(1)
expect.equal(pool:apply(function() return mm.current_world() end), current)
pool:terminate()
for _, name in ipairs(mm.worlds) do
  mm.set_world(name)
  expect.equal(mm.current_world(), name)
  expect.equal(mm.Pool, mm.world(name).Pool)
end
expect.truthy(mm.cpu_count() >= 1, "cpu_count")
local before = mm.time()
mm.sleep(0.02)
expect.truthy(mm.time() - before >= 0.02, "sleep is never early")
expect.raises("sleep", mm.sleep, -1)
expect.equal(mm.current_process().name, "MainProcess")
expect.equal(mm.parent_process(), nil)
