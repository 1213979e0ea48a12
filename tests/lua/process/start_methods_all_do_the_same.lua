-- SPDX-License-Identifier: MIT
-- worlds: processes
local mm = require "manymoons"
local expect = require "expect"

local shared = { count = 0 }
for _, method in ipairs{ "fork", "spawn", "forkserver" } do
  local q = mm.Queue()
  local p = mm.Process{ method = method, args = { q, { x = 1 } }, target = function(queue, t)
    shared.count = shared.count + 1
    local here, parent = mm.current_process(), mm.parent_process()
    queue:put({ t.x, shared.count, here.name, parent.name, here.pid ~= parent.pid, mm.current_world() })
    os.exit(7)
  end }
  p:start()
  expect.equal(q:get(), { 1, 1, p.name, "MainProcess", true, "processes" }, method)
  p:join()
  expect.equal(p.exitcode, 7, method)
end
expect.equal(shared.count, 0)
local wrong = { target = print, method = "thread" }
expect.raises("method: 'fork', 'spawn' or 'forkserver' expected, got thread", mm.Process, wrong)
