-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local function run(f)
  local p = mm.Process(f)
  p:start()
  p:join()
  return p.exitcode
end
expect.equal(run(function() end), 0)
expect.equal(run(function() os.exit(3) end), 3)
expect.equal(run(function() os.exit(true) end), 0)
expect.equal(run(function() os.exit(false) end), 1)
expect.equal(run(function() pcall(os.exit, 5) end), 5)
local p = mm.Process(function() while true do mm.sleep(0) end end)
p:start()
expect.equal(p:is_alive(), true)
p:terminate()
expect.equal(p:join(expect.HANG), true)
expect.equal(p.exitcode, -15)
p = mm.Process(function() mm.sleep(1000) end)
p:start()
expect.equal({ p:join(0.01) }, { nil, "timeout" })
p:kill()
p:join(expect.HANG)
expect.equal(p.exitcode, -9)
