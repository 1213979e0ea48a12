-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local function add(a, b) return a + b end
local function join(a, b) return a .. b end
local list = {}
for i = 1, 1000 do list[i] = i end

expect.equal(pool:reduce(function(x) return x * x end, list, add), 333833500)
expect.equal(pool:reduce(tostring, { 1, 2, 3, 4, 5 }, join, ">"), ">12345")
expect.equal(pool:reduce(tostring, { 7 }, join), "7")
expect.equal(pool:reduce(tostring, {}, join, "start"), "start")
expect.raises("an empty list, and no initial value", pool.reduce, pool, tostring, {}, join)
expect.raises("Pool:reduce: argument 3: a function expected", pool.reduce, pool, tostring, {}, 3)
expect.raises("bad item", pool.reduce, pool, function(x) error("bad item " .. x) end, { 1, 2 }, add)

expect.equal(pool:starmap_async(add, { { 1, 2 }, { 3, 4 } }):get(), { 3, 7 })
expect.equal(#pool:map_async(function(x) return x end, list):get(), 1000)
expect.equal(pool:map_async(print, {}):get(), {})
local holes = pool:map(function(x) if x % 2 == 0 then return x end end, { 1, 2, 3, 4, 5, 6 })
expect.equal({ holes[1], holes[2], holes[5], holes[6] }, { nil, 2, nil, 6 })
expect.equal(pool:apply_async(add, { 2, 3 }):get(), 5)
expect.equal(pool:apply_async(function(...) return select("#", ...) end, { n = 3 }):get(), 3)

-- What the caller does to the list afterwards is not seen.
local names = { { "a" }, { "b" } }
local later = pool:map_async(function(x) return x[1] end, names, { chunksize = 2 })
if mm.current_world() ~= "threads" and mm.current_world() ~= "async" then names[1][1] = "changed" end
expect.equal(later:get(), { "a", "b" })

local futures, seen = {}, {}
for i = 1, 10 do futures[i] = pool:submit(function(x) return x end, i) end
for future in mm.as_completed(futures) do seen[#seen + 1] = future:get() end
expect.same_set(seen, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
expect.raises("thing 1: a future or a task expected", mm.as_completed, { 3 })
expect.equal(#mm.wait(futures), 10)
pool:terminate()
