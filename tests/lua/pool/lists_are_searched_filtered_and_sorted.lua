-- SPDX-License-Identifier: MIT
-- find, filter and sort: the results are those of a plain loop, in every world.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(3)

-- filter keeps the items themselves, in order.
local records = {}
for i = 1, 500 do records[i] = { id = i } end
local kept = pool:filter(function(r) return r.id % 7 == 0 end, records)
expect.equal(#kept, 71)
for i, record in ipairs(kept) do expect.equal(rawequal(record, records[7 * i]), true) end
expect.equal(pool:filter(function() return false end, records), {})
expect.equal(pool:filter(function(x) return x end, {}), {})
expect.equal(pool:filter(function(x) return x end, { false, 1, n = 2 }), { 1 })

-- find: the first in the list's order, whichever is found first.
local item, at = pool:find(function(r) return r.id > 123 end, records)
expect.equal({ rawequal(item, records[124]), at }, { true, 124 })
expect.equal({ pool:find(function(x) return x == 0 end, { 1, 2, 3 }) }, {})
expect.equal({ pool:find(function(x) return not x end, { 1, false, n = 2 }) }, { false, 2 })
expect.equal({ pool:find(function() return true end, {}) }, {})
expect.equal({ pool:find(function(x) return x == "b" end, { "a", "b", "b" }) }, { "b", 2 })
-- What comes behind it need not end, and an error behind it does not count; one before it does.
item, at = pool:find(function(x)
  if x == 4 then error("too far") end
  return x == 3
end, { 1, 2, 3, 4 })
expect.equal({ item, at }, { 3, 3 })
expect.raises("too early", pool.find, pool, function(x)
  if x == 2 then error("too early") end
  return x == 3
end, { 1, 2, 3 })

-- sort: a new list.
local function check_sorted(list, less)
  local before = {}
  for i, x in ipairs(list) do before[i] = x end
  local sorted = pool:sort(list, less)
  expect.equal(list, before)
  table.sort(before, less)
  expect.equal(sorted, before)
end
local numbers, words = {}, {}
for i = 1, 2000 do
  numbers[i] = (i * 7919) % 1009
  words[i] = tostring(numbers[i])
end
check_sorted(numbers)
check_sorted(words)
check_sorted(numbers, function(a, b) return a > b end)
for _, list in ipairs({ {}, { 1 }, { 2, 1 }, { 1, 1, 1, 1 }, { 3, 2, 1 }, { 1.5, -1 / 0, 1 / 0, 0 } }) do
  check_sorted(list)
end
local texts, fractions, negatives, mixed = {}, {}, {}, {}
for i = 1, 500 do
  local x = i * 7919 % 1009
  texts[i] = ("the same beginning"):rep(x % 3) .. ("\0"):rep(x % 4) .. string.char(x % 256) .. x
  fractions[i] = (x - 500) / 7
  negatives[i] = 500 - x
  mixed[i] = i % 2 == 0 and x or x + 0.5
end
texts[17] = ""
for _, list in ipairs({ texts, fractions, negatives, mixed, { 1e308, -1e308, 5e-324, -5e-324, 2 ^ 53, -2 ^ 53 } }) do
  check_sorted(list)
end
local by_id = pool:sort(records, function(a, b) return a.id > b.id end)
expect.equal({ #by_id, by_id[1].id, by_id[500].id }, { 500, 500, 1 })
expect.raises("compare", pool.sort, pool, { 1, "x", 2, 3 })
expect.raises("item 2 is nil, which has no order", pool.sort, pool, { 1, nil, 3, n = 3 })

expect.raises("Pool:find: argument 1: a function expected, got number", pool.find, pool, 1, {})
expect.raises("Pool:filter: argument 2: a list expected, got nil", pool.filter, pool, print)
expect.raises("Pool:sort: argument 2: a function expected, got string", pool.sort, pool, {}, "x")
pool:terminate()
