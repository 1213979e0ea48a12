-- SPDX-License-Identifier: MIT
-- A progress function that gives its pool work and waits for it: the calls of the function come in order, and all of
-- them before the list's end, outside of tasks and in one.
local mm = require "manymoons"
local expect = require "expect"

local function check()
  local pool = mm.Pool(2)
  local seen = {}
  local opts = { progress = function(done, total)
    seen[#seen + 1] = done
    expect.equal(total == nil or total == 6, true)
    expect.equal(pool:apply(function(x) return x + 1 end, done), done + 1)
    expect.equal(pool:submit(function(x) return -x end, done):get(expect.HANG), -done)
  end }
  expect.equal(#pool:map(function(x) return x end, { 1, 2, 3, 4, 5, 6 }, opts), 6)
  expect.equal(seen[#seen], 6)
  for i = 2, #seen do expect.truthy(seen[i - 1] < seen[i], "in order") end
  seen = {}
  local count = 0
  for _ in pool:imap(function(x) return x end, { 1, 2, 3, 4, 5, 6 }, opts) do count = count + 1 end
  expect.equal({ count, seen[#seen] }, { 6, 6 })
  pool:close()
  expect.equal(pool:join(expect.HANG), true)
end

check()
mm.async.run(check)
