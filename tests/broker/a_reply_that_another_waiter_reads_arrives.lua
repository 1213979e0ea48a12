-- SPDX-License-Identifier: MIT
-- Threads and tasks of one program share a connection. A reply that one of them reads for another wakes the other: a
-- round that is not woken takes up to ten seconds, and there are more of them than this test has time for.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
local ROUNDS = 60

mm.async.run(function()
  for round = 1, ROUNDS do -- the first get of a queue asks more than later ones
    local queue = mm.Queue{ broker = server.url, name = "tasks" .. round }
    local putter = mm.async.spawn(mm.async.to_thread, function() return queue:put(round) end)
    expect.equal(queue:get(), round)
    expect.equal(putter:get(), true)
  end

  broker.worker(server, "answers", "--slots 2")
  local pool = mm.Pool{ broker = server.url, name = "answers" }
  for round = 1, ROUNDS do
    local waiters = {}
    for n = 1, 4 do
      local future = pool:submit(string.rep, "x", n)
      waiters[n] = mm.async.spawn(function() return future:get() end)
    end
    for n, waiter in ipairs(waiters) do expect.equal(waiter:get(), ("x"):rep(n), round) end
  end
  pool:close()
  pool:join()
end)

-- Threads, each with a queue of its own direction.
local there, back = mm.Queue{ broker = server.url, name = "there" }, mm.Queue{ broker = server.url, name = "back" }
local echo = mm.threads.Process{ target = function()
  for value in there:iter() do back:put(value) end
end }
echo:start()
for round = 1, ROUNDS do
  there:put(round)
  expect.equal(back:get(), round)
end
there:close()
echo:join()
