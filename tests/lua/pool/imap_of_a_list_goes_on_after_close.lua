-- SPDX-License-Identifier: MIT
-- As a list's items are all there, closing the pool takes none of them away, also if the results are read after join.
local mm = require "manymoons"
local expect = require "expect"

local list = {}
for i = 1, 100 do list[i] = i end

for _, kind in ipairs({ "imap", "imap_unordered" }) do
  for _, opts in ipairs({ {}, { chunksize = 3 }, { window = 2 } }) do
    for _, reads_late in ipairs({ false, true }) do
      local pool = mm.Pool(2)
      local results, sum = pool[kind](pool, function(x) return x end, list, opts), 0
      sum = sum + results()
      pool:close()
      if reads_late then expect.equal(pool:join(expect.HANG), true) end
      for result in results do sum = sum + result end
      expect.equal(sum, 5050)
      expect.equal(pool:join(expect.HANG), true)
    end
  end
end
