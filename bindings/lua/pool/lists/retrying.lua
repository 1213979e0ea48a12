-- SPDX-License-Identifier: MIT
-- The options retry_errors and backoff: a call that raises runs again, in the same worker, so many times more. What is
-- lost with a worker is another matter (the option retries).
local _, native = ...

local pcall, select, unpack, find_module = pcall, select, table.unpack or unpack, _G.require

-- The function that a worker calls in place of f: `pause` seconds after the first failure, twice as long after each.
-- The last run is a plain call, whose error has its own traceback.
local function retried(f, more, pause)
  local mm
  local function outcome(...)
    local results, count = { ... }, select("#", ...)
    return results, count
  end
  return function(...)
    for run = 1, more do
      local results, count = outcome(pcall(f, ...))
      if results[1] then return unpack(results, 2, count) end
      mm = mm or find_module("manymoons")
      if mm.cancelled() then error(results[2], 0) end
      if pause > 0 then mm.sleep(pause * 2 ^ (run - 1)) end
    end
    return f(...)
  end
end

return function(f, opts)
  local more = opts and opts.retry_errors or 0
  if more == 0 then return f end
  if type(f) == "string" then error(native.place() .. "Pool: retry_errors: not for functions by name", 0) end
  return retried(f, more, opts.backoff or 0)
end
