-- SPDX-License-Identifier: MIT
-- worlds: serial async threads interpreters processes
-- brokers: none
-- Pool{ method = } and mm.set_start_method choose how processes start; in the other worlds they change nothing.
local mm = require "manymoons"
local expect = require "expect"

local function method_there() return mm.get_start_method() end

for _, method in ipairs({ "fork", "spawn", "forkserver" }) do
  local pool = mm.Pool({ workers = 2, method = method })
  expect.equal(pool:map(math.sqrt, { 1, 4, 9 }), { 1, 2, 3 })
  pool:close()
  pool:join()

  mm.set_start_method(method)
  expect.equal(mm.get_start_method(), method)
  pool = mm.Pool(1)
  expect.equal(pool:apply(method_there), method)
  pool:close()
  pool:join()
  local p = mm.Process(math.sqrt, 4)
  p:start()
  p:join()
  expect.equal(p.exitcode, 0)
end

-- A worker with limits cannot be forked: by default it is not, and a wish for both is an error.
if mm.current_world() == "processes" then
  mm.set_start_method("fork")
  local pool = mm.Pool({ workers = 1, nice = 1 })
  expect.equal(pool:apply(math.sqrt, 4), 2)
  pool:terminate()
  expect.raises("Pool: method: a forked worker cannot have limits", mm.Pool, { nice = 1, method = "fork" })
end

mm.set_start_method(nil)
expect.truthy(({ fork = true, forkserver = true })[mm.get_start_method()])
expect.raises("Pool: method: 'fork', 'spawn' or 'forkserver' expected, got clone", mm.Pool, { method = "clone" })
expect.raises("Process: method: 'fork', 'spawn' or 'forkserver' expected, got 7",
  function() mm.processes.Process({ target = print, method = 7 }) end)
expect.raises("set_start_method: method: 'fork', 'spawn' or 'forkserver' expected, got Fork",
  mm.set_start_method, "Fork")
