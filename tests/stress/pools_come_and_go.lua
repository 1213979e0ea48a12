-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- However a pool ends, and whatever tasks it has, nothing is left and nothing hangs.
local mm = require "manymoons"
local expect = require "expect"

for round = 1, 40 do
  local pool = mm.Pool(3)
  local futures = {}
  for i = 1, round do
    futures[i] = pool:submit(function(x)
      if x % 5 == 0 then os.exit(1) end
      if x % 3 == 0 then error("three") end
      return x
    end, i)
    futures[i]:on_done(function() end) -- so that failures are not reported
  end
  local ending = round % 4
  if ending == 0 then
    pool:close()
    expect.equal(pool:join(), true)
    for i = 1, round do expect.equal(futures[i]:ready(), true) end
  elseif ending == 1 then
    pool:terminate()
    expect.equal(pool:join(), true)
  elseif ending == 2 then
    futures[round]:wait()
    pool:close()
    pool:terminate()
  else
    futures, pool = nil, nil -- luacheck: ignore 311
    collectgarbage()
  end
end
collectgarbage()
collectgarbage()
expect.equal(#mm.active_children(), 0)
