-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- How a list is cut into messages makes no difference, neither for the items nor for the results.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local function count(item)
  item.a.n = item.a.n + 1
  item.b.n = item.b.n + 1
  return item.a.n
end
for _, opts in ipairs({ {}, { chunksize = 1 }, { chunksize = 3 }, { chunksize = 12 } }) do
  local shared, list = { n = 0 }, {}
  local function closure() return shared.n end
  for i = 1, 12 do list[i] = { a = shared, b = shared, f = closure } end -- one item shares it with itself
  local twos = {}
  for i = 1, 12 do twos[i] = 2 end
  expect.equal(pool:map(count, list, opts), twos)
  expect.equal(pool:map_async(count, list, opts):get(expect.HANG), twos)
  expect.equal(pool:starmap(function(a, b)
    a.a.n = a.a.n + 1
    return a.a.n + (a == b and 0 or 10)
  end, { { list[1], list[1] }, { list[1], list[1] }, { list[1], list[1] } }, opts), { 1, 1, 1 })

  -- A closure's variable, and results.
  expect.equal(pool:map(function(item)
    local before = item.f()
    item.a.n = 7
    return before
  end, list, opts), { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 })
  local kept = {}
  local results = pool:map(function() return { kept, kept } end, list, opts)
  for i, result in ipairs(results) do
    expect.equal(result[1], result[2])
    expect.truthy(rawequal(result[1], result[2]), "shared within result " .. i)
    for j = 1, i - 1 do expect.truthy(not rawequal(results[j][1], result[1]), "result " .. i .. " is that of " .. j) end
  end
end

-- Cycles, and items nested deeper than a message's first part, keep their shape.
local function deep(n)
  local root = {}
  local at = root
  for _ = 1, n do
    at.down = { root = root }
    at = at.down
  end
  return root
end
local depths = pool:map(function(root)
  local n, at = 0, root
  while at.down do
    at, n = at.down, n + 1
    if not rawequal(at.root, root) then return "another root" end
  end
  return n
end, { deep(3), deep(1000), deep(2), deep(500) }, { chunksize = 4 })
expect.equal(depths, { 3, 1000, 2, 500 })
pool:close()
expect.equal(pool:join(expect.HANG), true)
