-- SPDX-License-Identifier: MIT
-- Is a number prime? Workers that share the divisors ask a flag whether another one has found a divisor: here the flag
-- is a queue, of this program or of a Redis server, where workers on other machines can see it. After chapter 9 of
-- High Performance Python (Gorelick and Ozsvald); scripts/early_exit.lua has the flags of one machine.
-- Usage: broker_flag.lua [redis://HOST]
--
-- A look at a flag behind a server costs some hundred times one in shared memory, so a worker asks less often. The
-- times are shown on stderr.
local mm = require "manymoons"

local broker = arg[1]
local workers = 2
local numbers = { 1000000000000037 * 3, 15811391 * 31622713, 1000000000000037 }

-- Tries every `step`th odd divisor from `first` on.
local function search(n, first, step, flag, every)
  local tried = 0
  for divisor = first, math.floor(math.sqrt(n)), 2 * step do
    if n % divisor == 0 then
      flag:put(divisor)
      return
    end
    tried = tried + 1
    if tried % every == 0 and not flag:empty() then return end
  end
end

for _, n in ipairs(numbers) do
  local name = ("manymoons-flag-%d-%d"):format(mm.current_process().pid, n % 1000)
  local flag = broker and mm.Queue({ broker = broker, name = name }) or mm.Queue()
  local begun, started = mm.time(), {}
  for i = 1, workers do
    started[i] = mm.Process(search, n, 2 * i + 1, workers, flag, broker and 100000 or 1000)
    started[i]:start()
  end
  for i = 1, workers do started[i]:join() end
  print(("%.0f is %s"):format(n, flag:empty() and "prime" or "not prime"))
  io.stderr:write(("%.0f: %.3f s\n"):format(n, mm.time() - begun))
  while not flag:empty() do flag:get() end
end
