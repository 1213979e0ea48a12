-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local function double(x) return 2 * x end

-- An endless iterator: read no further than the window beyond what was given out.
for _, case in ipairs({ { {}, 8 }, { { window = 3 }, 3 }, { { chunksize = 5, window = 10 }, 10 } }) do
  local read = 0
  local results = pool:imap(double, function()
    read = read + 1
    return read
  end, case[1])
  for i = 1, 200 do
    expect.equal(results(), 2 * i)
    expect.truthy(read <= i + case[2], "read " .. read .. " after " .. i)
  end
end

-- Any order, but all of them, and once.
local sum, count = 0, 0
for result in pool:imap_unordered(double, { 1, 2, 3, 4, 5, 6, 7 }, { chunksize = 2 }) do
  sum, count = sum + result, count + 1
end
expect.equal({ sum, count }, { 56, 7 })

-- An error is that of its item; a result of nil comes as false.
local results = pool:imap(function(x)
  if x == 2 then error("two") end
  if x ~= 3 then return x end
end, { 1, 2, 3, 4 })
expect.equal(results(), 1)
expect.raises("two", results)
expect.equal(results(), false)
expect.equal(results(), 4)
expect.equal(results(), nil)
expect.equal(results(), nil)

local none = pool:imap(double, {})
expect.equal(none(), nil)
expect.raises("a list or an iterator expected, got number", pool.imap, pool, double, 3)
expect.raises("window: a whole number, 1 or more, expected", pool.imap, pool, double, {}, { window = 0 })

local unread = pool:imap(double, function() return 1 end)
pool:close()
local ok, err = true, nil
while ok do ok, err = pcall(unread) end
expect.truthy(tostring(err):find("closed before the end"), err)
expect.equal(pool:join(expect.HANG), true)
