-- SPDX-License-Identifier: MIT
-- worlds: threads
-- Threads in interpreters, processes and interpreters from threads, a pool and a queue of another world that several
-- threads share.
local mm = require "manymoons"
local expect = require "expect"

local outer = mm.interpreters.Pool(2)
local products = outer:map(function(n)
  local inner = mm.threads.Pool(3)
  local list = inner:map(function(x) return x * n end, { 1, 2, 3 })
  inner:terminate()
  return list
end, { 1, 2 })
expect.equal(products, { { 1, 2, 3 }, { 2, 4, 6 } })
outer:terminate()

local q = mm.Queue()
local starter = mm.Process(function()
  local pool = mm.processes.Pool(1)
  q:put(pool:apply(function() return mm.current_world() end))
  pool:terminate()
  local interpreter = mm.interpreters.Process(function() end)
  interpreter:start()
  interpreter:join()
  q:put(interpreter.exitcode)
end)
starter:start()
expect.equal(q:get(), "threads")
expect.equal(q:get(), 0)
starter:join()

local function run_all(count, f)
  local threads = {}
  for i = 1, count do
    threads[i] = mm.Process(f, i)
    threads[i]:start()
  end
  for i = 1, count do
    expect.equal(threads[i]:join(expect.HANG), true)
    expect.equal(threads[i].exitcode, 0)
  end
end

local pool = mm.processes.Pool(2)
run_all(6, function()
  for k = 1, 50 do expect.equal(pool:apply(function(x) return x + 1 end, k), k + 1) end
end)
pool:terminate()

local ring = mm.processes.Queue(20)
run_all(4, function(i)
  for k = 1, 1000 do
    if i % 2 == 0 then
      ring:put({ k, ("x"):rep(k) })
    else
      local v = ring:get()
      expect.equal(#v[2], v[1])
    end
  end
end)
expect.equal(ring:qsize(), 0)
