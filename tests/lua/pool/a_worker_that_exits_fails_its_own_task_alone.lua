-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local futures = {}
for i = 1, 20 do
  futures[i] = pool:submit(function(n)
    if n == 7 then os.exit(3) end
    return n
  end, i)
end
for i = 1, 20 do
  if i == 7 then
    local err = expect.raises("died", futures[i].get, futures[i])
    expect.equal(err.kind, "died")
    expect.equal(err.exitcode, 3)
  else
    expect.equal(futures[i]:get(), i)
  end
end
expect.equal(pool:map(function(x) return x end, { 1, 2, 3 }), { 1, 2, 3 })
pool:close()
pool:join()
