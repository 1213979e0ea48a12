-- SPDX-License-Identifier: MIT
-- Tasks so small that copying them is most of the work: here workers cost more than they save.
--
--   manymoons compare scripts/tiny_tasks.lua [tasks] [chunksize]
local mm = require "manymoons"

local tasks = tonumber(arg and arg[1]) or 100000
local chunksize = tonumber(arg and arg[2])

local list = {}
for i = 1, tasks do list[i] = i end

local pool = mm.Pool()
local squares = pool:map(function(x) return x * x end, list, { chunksize = chunksize })
pool:close()
pool:join()

local sum = 0
for i = 1, tasks do
  assert(squares[i] == i * i, "a result is in another one's place")
  sum = sum + i
end
print(string.format("%d squares of numbers with the sum %.0f", tasks, sum))
