-- SPDX-License-Identifier: MIT
-- worlds: threads
-- variants: release debug asan
local mm = require "manymoons"
local expect = require "expect"

-- The same objects, not copies.
local shared, co = { n = 0 }, coroutine.create(function() coroutine.yield("from the coroutine") end)
local q = mm.Queue()
q:put(shared)
q:put(co)
expect.equal(rawequal(q:get(), shared), true)
expect.equal(rawequal(q:get(), co), true)
local upvalue = 1
local p = mm.Process(function(t)
  t.n, upvalue = t.n + 1, upvalue + 1
  shared.again = rawequal(t, shared)
end, shared)
p:start()
p:join()
expect.equal({ shared.n, shared.again, upvalue }, { 1, true, 2 })

-- A tight loop does not keep the others from running; neither does one inside a coroutine, nor one that catches errors.
if mm.gil().preemptible then
  local go_on = { true, true, true }
  local loops = {
    function() while go_on[1] do end end,
    function() while go_on[2] do end end,
    function() while go_on[3] do pcall(error) end end,
  }
  -- Hooks of PUC 5.1 do not know which coroutine runs.
  if _VERSION ~= "Lua 5.1" then loops[2] = coroutine.wrap(loops[2]) end
  local spinners = {}
  for i, loop in ipairs(loops) do
    spinners[i] = mm.Process(function() loop() end)
    spinners[i]:start()
  end
  local before = mm.gil()
  repeat -- until a thread was made to release the lock
    mm.sleep(0.001)
    local now = mm.gil()
    expect.equal(now.threads, 4)
  until now.forced > before.forced and now.switches > before.switches
  for i = 1, 3 do
    go_on[i] = false
    expect.equal(spinners[i]:join(expect.HANG), true)
  end
  -- A thread that never ends is stopped.
  local endless = mm.Process(function()
    while true do pcall(function() while true do end end) end
  end)
  endless:start()
  mm.sleep(0.01)
  endless:terminate()
  expect.equal(endless:join(expect.HANG), true)
  expect.equal(endless.exitcode, -15)
end

-- Errors, exits and names are each thread's own.
local exits = mm.Process({ target = function() os.exit(7) end, name = "leaver" })
exits:start()
exits:join()
expect.equal(exits.exitcode, 7)
local who = mm.Process({
  target = function() q:put({ mm.current_process().name, mm.parent_process().name, mm.current_world() }) end,
  name = "somebody",
})
who:start()
expect.equal(q:get(), { "somebody", "MainProcess", "threads" })
who:join()
expect.equal(mm.current_process().name, "MainProcess")

-- Values that leave the VM are copied; a queue of this world cannot be.
expect.raises("cannot leave its VM", function() mm.processes.Queue():put(q) end)
