-- SPDX-License-Identifier: MIT
-- What is left when a worker ends in the middle of its work: all other calls have their results.
-- Usage: crash.lua [WORKERS]
--
-- One call raises an error, one ends its worker, and in `processes` one kills it with signal 9, as the system does to a
-- program that takes too much memory. The pool replaces its worker, and the futures of those calls say what happened.
local mm = require "manymoons"

local workers = tonumber(arg[1]) or 2

local function square(i)
  if i == 3 then error("there is no square of 3") end
  if i == 5 and mm.current_world() ~= "serial" then os.exit(7) end
  if i == 7 and mm.current_world() == "processes" then os.execute("kill -9 " .. mm.current_process().pid) end
  return i * i
end

local pool = mm.Pool(workers)
local futures = {}
for i = 1, 10 do futures[i] = pool:submit(square, i) end
for i = 1, 10 do
  local ok, result = pcall(futures[i].get, futures[i])
  if ok then
    print(("%2d %d"):format(i, result))
  else
    print(("%2d %s: %s"):format(i, result.kind, result.message))
  end
end
pool:close()
pool:join()
