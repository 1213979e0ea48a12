-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local empty, full, said = mm.Queue(), mm.Queue(1), mm.Queue()
full:put("there")
local waiters = {}
for i = 1, 4 do
  waiters[i] = mm.Process(function()
    said:put("waiting")
    if i % 2 == 0 then
      said:put({ empty:get() })
    else
      local ok, why = full:put("one more")
      said:put({ ok, why })
    end
  end)
  waiters[i]:start()
end
for _ = 1, 4 do expect.equal(said:get(), "waiting") end
empty:close()
full:close()
for _ = 1, 4 do expect.equal(said:get()[2], "closed") end
for i = 1, 4 do waiters[i]:join() end
expect.equal(full:get(), "there")
expect.equal({ full:get() }, { nil, "closed" })
