-- SPDX-License-Identifier: MIT
-- The results of the items before it come first, then the error, then the end; imap itself does not raise.
local mm = require "manymoons"
local expect = require "expect"

local function fails_at(n)
  local i = 0
  return function()
    i = i + 1
    if i == n then error({ at = n }) end
    return i
  end
end

local pool = mm.Pool(2)
for _, kind in ipairs({ "imap", "imap_unordered" }) do
  for _, at in ipairs({ 1, 2, 9, 40 }) do
    for _, opts in ipairs({ {}, { chunksize = 3 }, { window = 1 }, { chunksize = 7, window = 14 } }) do
      local results, sum = pool[kind](pool, function(x) return x end, fails_at(at), opts), 0
      for _ = 1, at - 1 do sum = sum + results() end
      expect.equal(sum, at * (at - 1) / 2)
      local ok, err = pcall(results)
      expect.equal({ ok, err }, { false, { at = at } })
      expect.equal(results(), nil)
      expect.equal(results(), nil)
    end
  end
end

-- An item's own error before that of the source: each in its place.
local results = pool:imap(function(x) if x == 2 then error("two") end return x end, fails_at(4))
expect.equal(results(), 1)
expect.raises("two", results)
expect.equal(results(), 3)
expect.equal({ pcall(results) }, { false, { at = 4 } })
expect.equal(results(), nil)

pool:close()
expect.equal(pool:join(expect.HANG), true)
