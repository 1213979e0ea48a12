-- SPDX-License-Identifier: MIT
-- worlds: threads
-- Threads that are made to release the VM lock very often share one pool of processes, and wait for the end of one
-- process.
local mm = require "manymoons"
local expect = require "expect"

mm.setswitchinterval(0.00005)

local threads = {}
local function start(f)
  threads[#threads + 1] = mm.Process(f)
  threads[#threads]:start()
end

local pool = mm.processes.Pool(2)
local function echo(x) return { x } end
for i = 1, 6 do
  start(function()
    for k = 1, 400 do expect.equal(pool:apply(echo, i * 1000 + k), { i * 1000 + k }) end
  end)
end

local process = mm.processes.Process(function() end)
process:start()
for _ = 1, 6 do
  start(function()
    expect.equal(process:join(expect.HANG), true)
    expect.equal(process.exitcode, 0)
  end)
end

for _, thread in ipairs(threads) do
  expect.equal(thread:join(expect.HANG), true)
  expect.equal(thread.exitcode, 0)
end
pool:terminate()
