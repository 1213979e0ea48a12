-- SPDX-License-Identifier: MIT
-- Is a number prime? Each worker tries a part of the divisors, and reads a shared flag now and then, which is set when
-- another worker has found a divisor. After chapter 9 of High Performance Python (Gorelick and Ozsvald).
-- Usage: early_exit.lua [WORKERS [ASK_EVERY]]
--
-- The place of the flag decides the cost of reading it: no flag (all divisors are tried), a manager, a Table, a
-- Value, or an Array. The times are shown on stderr.
local mm = require("manymoons")

local workers, every = tonumber(arg[1]) or 2, tonumber(arg[2]) or 1000

local numbers = {
  { name = "small factor", n = 1000000000000037 * 3 },
  { name = "large factor", n = 15811391 * 31622713 },
  { name = "prime", n = 1000000000000037 },
}

local flags = {
  { name = "no flag", make = function() end },
  { name = "manager", make = function(m) return m:Value("b", 0) end,
    ask = function(flag) return flag.value ~= 0 end, set = function(flag) flag.value = 1 end },
  { name = "Table", make = function() return mm.Table({ found = false }) end,
    ask = function(flag) return flag.found end, set = function(flag) flag.found = true end },
  { name = "Value", make = function() return mm.Value("i8", 0) end,
    ask = function(flag) return flag.value ~= 0 end, set = function(flag) flag.value = 1 end },
  { name = "Array", make = function() return mm.Array("i8", 1) end,
    ask = function(flag) return flag[1] ~= 0 end, set = function(flag) flag[1] = 1 end },
}

-- Tries every `step`th odd divisor from `first` on. Returns true if none divides n.
local function has_no_divisor(n, first, step, most, flag, ask, set, many)
  local left = many
  for i = first, most, step do
    left = left - 1
    if left == 0 then
      if ask and ask(flag) then return false end
      left = many
    end
    if n % i == 0 then
      if set then set(flag) end
      return false
    end
  end
  return true
end

local pool, manager = mm.Pool(workers), mm.Manager()
for _, number in ipairs(numbers) do
  local most = math.floor(number.n ^ 0.5)
  for _, kind in ipairs(flags) do
    local calls, start = {}, mm.time()
    local flag = kind.make(manager)
    for w = 1, workers do
      calls[w] = pool:submit(has_no_divisor, number.n, 2 * w + 1, 2 * workers, most, flag or false, kind.ask or false,
        kind.set or false, every)
    end
    local is_prime = number.n % 2 ~= 0
    for w = 1, workers do is_prime = calls[w]:get() and is_prime end
    print(("%-13s %-8s %s"):format(number.name, kind.name, is_prime and "prime" or "not prime"))
    io.stderr:write(("%-13s %-8s %8.2f ms\n"):format(number.name, kind.name, (mm.time() - start) * 1000))
  end
end
manager:close()
pool:close()
pool:join()
