-- SPDX-License-Identifier: MIT
-- A queue of work: a feeder puts numbers into it, workers take them and count the primes. After chapter 9 of High
-- Performance Python (Gorelick and Ozsvald).
--
--   manymoons compare scripts/queue_of_work.lua [WORKERS [NUMBERS [DELAY]]]
--
-- It is tried twice: the feeder puts its numbers as fast as it can, and then with a pause of DELAY seconds before each
-- hundred. In the second case the workers wait most of the time, and more of them help nobody. The times are shown on
-- stderr; the counts are the same in every world.
local mm = require "manymoons"

local workers, numbers, delay = tonumber(arg[1]) or 2, tonumber(arg[2]) or 20000, tonumber(arg[3]) or 0.002
local first = 100000001

local function is_prime(n)
  if n % 2 == 0 then return n == 2 end
  for divisor = 3, math.floor(math.sqrt(n)), 2 do
    if n % divisor == 0 then return false end
  end
  return n > 1
end

local function feed(work, count, pause)
  for i = 0, count - 1 do
    if pause > 0 and i % 100 == 0 then mm.sleep(pause) end
    work:put(first + 2 * i)
  end
  for _ = 1, workers do work:put(nil) end
end

local function count_primes(work, answers)
  local primes, taken = 0, 0
  for n in work:iter() do
    taken = taken + 1
    if is_prime(n) then primes = primes + 1 end
  end
  answers:put({ primes = primes, taken = taken })
end

for _, pause in ipairs({ 0, delay }) do
  local work, answers, started, begun = mm.Queue(), mm.Queue(), {}, mm.time()
  started[1] = mm.Process(feed, work, numbers, pause)
  for i = 1, workers do started[i + 1] = mm.Process(count_primes, work, answers) end
  for _, worker in ipairs(started) do worker:start() end
  local primes, taken = 0, 0
  for _ = 1, workers do
    local answer = answers:get()
    primes, taken = primes + answer.primes, taken + answer.taken
  end
  for _, worker in ipairs(started) do worker:join() end
  assert(taken == numbers, "a number is missing")
  print(("%d primes among %d numbers"):format(primes, taken))
  io.stderr:write(("a pause of %g s: %.3f s\n"):format(pause, mm.time() - begun))
end
