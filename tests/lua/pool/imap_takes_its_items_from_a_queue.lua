-- SPDX-License-Identifier: MIT
-- brokers: none
-- Items come as they are put; a result comes as soon as it is there, and does not wait for more items.
local mm = require "manymoons"
local expect = require "expect"

local function double(x) return 2 * x end

for _, class in ipairs({ "Queue", "SimpleQueue" }) do
  local pool, q = mm.Pool(2), mm[class]()
  -- The next item is put when the result of the last one is there.
  q:put(1)
  local results = pool:imap(double, q:iter(), { window = 16 })
  for i = 1, 20 do
    expect.equal(results(), 2 * i)
    if i < 20 then q:put(i + 1) end
  end
  q:close()
  expect.equal(results(), nil)

  -- Everything is there before.
  q = mm[class]()
  for i = 1, 50 do q:put(i) end
  q:close()
  local sum = 0
  for result in pool:imap_unordered(double, q:iter()) do sum = sum + result end
  expect.equal(sum, 50 * 51)
  pool:close()
  expect.equal(pool:join(expect.HANG), true)
end
