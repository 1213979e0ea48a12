-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- hosts: manymoons lua5.4 lua5.3 luajit
-- variants: release debug asan
-- A pool that nothing refers to any more is collected by whatever thread happens to collect, also by one of its own: no
-- finalizer waits. Its workers end, and nothing of them is left.
local mm = require "manymoons"
local expect = require "expect"

local function collect()
  for _ = 1, 3 do collectgarbage() end
end

-- By a worker of its own.
for _ = 1, 5 do
  local started, dropped, done = mm.threads.Queue(), mm.threads.Queue(), mm.threads.Queue()
  local own = { mm.threads.Pool(2) }
  own[1]:submit(function()
    started:put(true)
    dropped:get()
    collect()
    done:put(true)
  end)
  started:get()
  own[1] = nil
  dropped:put(true)
  -- The worker may be stopped before it says that it is done.
  done:get(0.05)
end
collect()

-- By its maker, of any world, while calls run.
for _ = 1, 3 do
  local pool = { mm.Pool(2) }
  for _ = 1, 4 do pool[1]:submit(function() while true do require("manymoons").sleep(0.01) end end) end
  pool[1] = nil
  collect()
end

-- By another thread.
local pool = { mm.Pool(2) }
expect.equal(pool[1]:map(function(x) return x + 1 end, { 1, 2 }), { 2, 3 })
local other = mm.threads.Process(function()
  pool[1] = nil
  collect()
end)
other:start()
expect.equal(other:join(), true)

-- Nothing of what comes later is slower to end for it.
local p = mm.Process(function() end)
p:start()
p:join()

-- The threads of dropped pools end.
local ends = mm.time() + expect.HANG
while mm.gil().threads > 1 and mm.time() < ends do
  mm.sleep(0.001)
end
expect.equal(mm.gil().threads, 1)

-- A pool that a task of its own terminates.
if mm.current_world() == "threads" then
  local own = mm.Pool(2)
  local ok, err = pcall(own.apply, own, function() own:terminate() end)
  expect.equal({ ok, err.kind }, { false, "cancelled" })
end
