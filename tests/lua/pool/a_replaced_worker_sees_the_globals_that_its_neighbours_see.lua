-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

level, names, early = 1, { "a" }, "early"
-- Workers that are forked, where this host lets them, and workers that begin with a VM of their own.
local kinds = { { workers = 2 }, { workers = 2, nice = 1 } }

-- What f gives in each of two workers, which wait for each other.
local function in_both(pool, f)
  local barrier = mm.Barrier(2)
  return pool:map(function()
    barrier:wait(expect.HANG)
    return (f())
  end, { 1, 2 }, { chunksize = 1 })
end

local function end_a_worker(pool)
  expect.raises("died", pool.apply, pool, function() os.exit(3) end)
end

local function level_of() return level end
local function name_of() return names[1] .. (names.more or "") end
for kind, options in ipairs(kinds) do
  level, names[1], names.more = 1, "a", nil
  local pool = mm.Pool(options)
  -- A worker starts while the value is another one.
  level, names[1], names.more = 2, "b", nil
  end_a_worker(pool)
  expect.equal(in_both(pool, level_of), { 2, 2 })
  expect.equal(in_both(pool, name_of), { "b", "b" })
  end_a_worker(pool)
  level, names[1] = 1, "a" -- as when the first workers started
  expect.equal(in_both(pool, level_of), { 1, 1 })
  expect.equal(in_both(pool, name_of), { "a", "a" })
  names.more, late = "+", kind
  end_a_worker(pool)
  expect.equal(in_both(pool, name_of), { "a+", "a+" })
  expect.equal(in_both(pool, function() return late end), { kind, kind })
  late = nil
  expect.equal(in_both(pool, function() return late == nil and early end), { "early", "early" })

  -- Workers of workers.
  expect.equal(pool:apply(function()
    local inner = mm.Pool(1)
    local before = inner:apply(function() return level end)
    level = level + 10
    local after = inner:apply(function() return level end)
    inner:terminate()
    return before + after
  end), 12)
  pool:terminate()
end
