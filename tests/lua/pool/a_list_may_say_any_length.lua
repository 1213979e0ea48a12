-- SPDX-License-Identifier: MIT
-- brokers: none
-- The length of a list is what a script says: its `n`, or what a metamethod answers. One that is no length is an error
-- that names the function; none harms a worker or the program.
local mm = require "manymoons"
local expect = require "expect"

local nan = 0 / 0
local huge = math.huge
local none = { -1, -2, -100, 3.5, nan, huge, -huge, 2 ^ 31, 2 ^ 32 - 1, 2 ^ 53, 2 ^ 63, 2 ^ 64, 1e300, "2", true }
local numbers = #none
none[numbers + 1] = {}
local pool = mm.Pool(1)
local function count(...) return select("#", ...) end

local function refused(where, f, ...)
  local err = expect.raises(where, f, ...)
  local text = tostring(err)
  expect.truthy(text:find("whole number, 0 or more, expected, got") or text:find("too many"), text)
  expect.truthy(type(err) ~= "table" or err.kind == "error", "the kind of " .. tostring(err))
end

for _, n in ipairs(none) do
  local list = { 1, 2, n = n }
  refused("starmap: an item: ", pool.starmap, pool, count, { { 1 }, list })
  refused("starmap: an item: ", pool.starmap, pool, count, { list }, { timeout = expect.HANG })
  refused("starmap: an item: ", function() return pool:starmap_async(count, { list }):get() end)
  refused("Pool:map: argument 2: n: ", pool.map, pool, count, list)
  refused("Pool:map_async: argument 2: n: ", pool.map_async, pool, count, list)
  refused("Pool:starmap: argument 2: n: ", pool.starmap, pool, count, list)
  refused("Pool:imap: argument 2: n: ", pool.imap, pool, count, list)
  refused("Pool:imap_unordered: argument 2: n: ", pool.imap_unordered, pool, count, list)
  refused("Pool:reduce: argument 2: n: ", pool.reduce, pool, count, list, count)
  refused("Pool:apply_async: argument 2: n: ", pool.apply_async, pool, count, list)
  refused("Process: args: n: ", mm.Process, { target = count, args = list })
  refused("Pool: initargs: n: ", mm.Pool, { workers = 1, initializer = count, initargs = list })
  refused("gather: argument 1: n: ", mm.async.gather, list)
end

-- Lengths that are some, and whose arguments do not fit on a stack.
for _, n in ipairs({ 1e7, 2 ^ 31 - 1 }) do
  refused("starmap: an item: .* too many", pool.starmap, pool, count, { { n = n } })
  refused("Pool:apply_async: argument 2: .* too many", pool.apply_async, pool, count, { n = n })
  refused("Process: args: .* too many", mm.Process, { target = count, args = { n = n } })
end

-- The error of an item is that item's.
local err = expect.raises("starmap", pool.starmap, pool, count, { { 1 }, { n = -1 }, 7, { n = 3 } }, { chunksize = 4 })
expect.equal({ err.results[1], err.results[4] }, { 1, 3 })
expect.raises("starmap: an item: a list of arguments expected, got number", error, err.errors[3])

-- Metamethods, where the Lua has them.
local function with_length(length) return setmetatable({ 1, 2, 3 }, { __len = length }) end
if #with_length(function() return 2 end) == 2 then
  for i = 1, numbers do
    local list = with_length(function() return none[i] end)
    if none[i] ~= "2" then refused("Pool:map: argument 2: its length: ", pool.map, pool, count, list) end
  end
  expect.equal(pool:map(function(x) return x * 2 end, with_length(function() return 2 end)), { 2, 4 })
  expect.raises("no length", pool.map, pool, count, with_length(function() error("no length") end))
end
expect.raises("no field", pool.map, pool, count, setmetatable({}, { __index = function() error("no field") end }))
local doubles = setmetatable({ n = 3 }, { __index = function(_, i) return i * 2 end })
expect.equal(pool:map(function(x) return x end, doubles), { 2, 4, 6 })
expect.equal(#mm.Array("i32", with_length(function() return -1 end)), 3)

-- What was right stays right: nils within the length count.
expect.equal(pool:starmap(count, { { n = 0 }, { 1, nil, n = 5 }, { 1, 2, 3 }, {} }), { 0, 5, 3, 0 })
expect.equal(pool:map(function(x) return x == nil end, { 1, n = 3 }), { false, true, true })
expect.equal(pool:apply_async(count, { n = 4 }):get(), 4)
pool:terminate()
