-- SPDX-License-Identifier: MIT
-- worlds: async
-- hosts: manymoons
-- quick: no
-- Tasks of all kinds come and go, cancelled, failed, timed out, stuck where they cannot yield, with sockets and pools:
-- neither memory nor descriptors grow.
local mm = require "manymoons"
local expect = require "expect"
local async = mm.async
local grows_not = require "growth"

local function nap() mm.sleep(0.001) end

local function one_of_each()
  async.run(function()
    async.gather({ nap, nap, nap })
    expect.equal(select(2, async.timeout(0.0001, mm.sleep, 30)), "timeout")
    pcall(async.gather, { nap, function() error("no") end, function() mm.sleep(30) end })
    async.group(function(group)
      for _ = 1, 5 do group:spawn(nap) end
      group:spawn(function() coroutine.wrap(nap)() end)
    end)
    local stuck = async.spawn(function() coroutine.wrap(function() mm.sleep(30) end)() end)
    mm.sleep(0)
    stuck:cancel()
    local here, there = mm.processes.Pipe()
    local reader = async.spawn(function() return here:recv() end)
    mm.sleep(0)
    there:send("x")
    expect.equal(reader:get(expect.HANG), "x")
    here:close()
    there:close()
    local q = async.Queue(1)
    async.spawn(function() for i = 1, 3 do q:put(i) end end)
    for i = 1, 3 do expect.equal(q:get(), i) end
    expect.equal(async.await(function(resume) async.spawn(resume, 7) end), 7)
    expect.equal(async.to_thread(function() return 1 end), 1)
    async.spawn(function() mm.sleep(30) end)
  end)
  local p = mm.Process(nap)
  p:start()
  p:join()
end

grows_not(function(count)
  for _ = 1, count do one_of_each() end
end, 200, 1000, 1024)
