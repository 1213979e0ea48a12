-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local alone = mm.Barrier(1)
expect.equal({ alone:wait(), alone:wait() }, { 1, 1 })
expect.equal({ alone.parties, alone.n_waiting, alone.broken }, { 1, 0, false })
expect.raises("Barrier: parties: a whole number", mm.Barrier, 0)
expect.raises("Barrier: parties: a whole number", mm.Barrier)
expect.raises("Barrier: action: function expected, got number", mm.Barrier, 2, 3)
expect.raises("Barrier: unknown option 'party'", mm.Barrier, { party = 2 })

-- A party whose wait times out breaks the barrier, and so does abort. reset repairs it.
local pair = mm.Barrier({ parties = 2, timeout = 0.02 })
expect.equal({ pair:wait() }, { nil, "timeout" })
expect.equal({ pair.broken, pair:wait(0) }, { true, nil, "broken" })
pair:reset()
expect.equal(pair.broken, false)
pair:abort()
expect.equal({ pair:wait(0) }, { nil, "broken" })
local fails = mm.Barrier(1, function() error("of the action", 0) end)
expect.raises("of the action", fails.wait, fails)
expect.equal(fails.broken, true)

if mm.current_world() == "serial" then
  expect.raises("Barrier:wait would wait for ever in the serial world", mm.Barrier(2).wait, mm.Barrier(2))
  return
end

-- Rounds: no party is a round ahead, and the action runs once in each round, before any party continues.
local PARTIES, ROUNDS = 3, 200
local acted, done, errors = mm.Semaphore(0), mm.Queue(), mm.Queue()
local rounds = mm.Barrier(PARTIES, function() acted:release() end)
local function party(barrier, count, q, e, many)
  for round = 1, many do
    local index = barrier:wait(expect.HANG)
    if not index or index < 1 or index > 3 then return e:put("no index") end
    if count:get_value() < round or count:get_value() > round + 1 then return e:put("round " .. round) end
  end
  q:put(true)
end
local workers = {}
for i = 1, PARTIES do
  workers[i] = mm.Process(party, rounds, acted, done, errors, ROUNDS)
  workers[i]:start()
end
for i = 1, PARTIES do workers[i]:join() end
expect.equal({ done:qsize(), errors:qsize(), acted:get_value(), rounds.broken }, { PARTIES, 0, ROUNDS, false })

-- A party that dies breaks it for the waiting parties and for those that arrive later.
local function wait(barrier, inside, q)
  inside:put(true)
  q:put({ barrier:wait(expect.HANG) })
end
local three, inside, results = mm.Barrier(3), mm.Queue(), mm.Queue()
local dead = mm.Process(wait, three, inside, results)
local waiter = mm.Process(wait, three, inside, results)
dead:start()
waiter:start()
inside:get(expect.HANG)
inside:get(expect.HANG)
while three.n_waiting < 2 do mm.sleep(0.001) end
dead:kill()
expect.equal(results:get(expect.HANG)[2], "broken")
expect.equal({ three:wait(0) }, { nil, "broken" })
dead:join()
waiter:join()
three:reset()
expect.equal({ three.broken, three.n_waiting }, { false, 0 })

-- A reset ends the waits of the waiting parties.
local again = mm.Process(wait, three, inside, results)
again:start()
while three.n_waiting < 1 do mm.sleep(0.001) end
three:reset()
expect.equal(results:get(expect.HANG)[2], "broken")
again:join()
expect.equal(three.broken, false)
