-- SPDX-License-Identifier: MIT
-- resume = "file": each result of a list is written as it comes, as text; a later run of the same function on the same
-- list takes it from there. What another function or list wrote is refused.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"
local files = require "files"

local pool = mm.Pool(2)
local ran = mm.Queue()
local is_broken = mm.Event()
local function square(x)
  ran:put(x)
  if x == 3 and is_broken:is_set() then error("three") end
  return x * x
end

local function items_run()
  local list = {}
  while true do
    local x = ran:get(0)
    if not x then break end
    list[#list + 1] = x
  end
  table.sort(list)
  return list
end

-- An item that failed runs again, and no other.
local list, path = { 1, 2, 3, 4, 5, 6 }, "squares"
is_broken:set()
expect.raises("three", pool.map, pool, square, list, { resume = path })
expect.equal(items_run(), list)
is_broken:clear()
expect.equal(pool:map(square, list, { resume = path }), { 1, 4, 9, 16, 25, 36 })
expect.equal(items_run(), { 3 })
expect.equal(pool:map(square, list, { resume = path }), { 1, 4, 9, 16, 25, 36 })
expect.equal(pool:map_async(square, list, { resume = path }):get(), { 1, 4, 9, 16, 25, 36 })
expect.equal(items_run(), {})

-- Its text: a head, and each result once.
local lines = files.lines_of("cat squares")
expect.truthy(lines[1]:find("^manymoons\t1\t%x+\t%x+\t6\t%.$"))
table.sort(lines)
expect.equal({ #lines, lines[1], lines[6] }, { 7, "1\tjson\t1\t.", "6\tjson\t36\t." })

-- A line that was cut counts for nothing, wherever the cut is.
local text = files.text_of(path)
for cut = 1, #text - #text:match("^[^\n]*\n"), 7 do
  files.write(path, text:sub(1, -1 - cut))
  expect.equal(pool:map(square, list, { resume = path }), { 1, 4, 9, 16, 25, 36 })
  items_run()
  expect.equal(pool:map(square, list, { resume = path }), { 1, 4, 9, 16, 25, 36 })
  expect.equal(items_run(), {})
end
files.write(path, text:sub(1, 15))
expect.equal(pool:map(square, list, { resume = path }), { 1, 4, 9, 16, 25, 36 })
expect.equal(items_run(), list)

-- Another function, another list, another file.
local function cube(x) return x * x * x end
expect.raises("Pool:map: resume: squares: it has the results of another function", pool.map, pool, cube, list,
  { resume = path })
expect.raises("another list", pool.map, pool, square, { 1, 2, 3, 4, 5, 7 }, { resume = path })
expect.raises("another list", pool.map, pool, square, { 1, 2, 3 }, { resume = path })
expect.raises("Pool:map_async: resume: squares: it has the results", pool.map_async, pool, cube, list,
  { resume = path })
local function power_of(n)
  return function(x) return x ^ n end
end
expect.equal(pool:map(power_of(1), list, { resume = "powers" }), { 1, 2, 3, 4, 5, 6 })
expect.raises("another function", pool.map, pool, power_of(2), list, { resume = "powers" })
expect.equal(pool:map(math.sqrt, { 1, 4 }, { resume = "roots" }), { 1, 2 })
expect.raises("another function", pool.map, pool, math.abs, { 1, 4 }, { resume = "roots" })
files.write("letter", "Dear reader,\n")
expect.raises("letter: no file of results", pool.map, pool, square, list, { resume = "letter" })
expect.equal(files.text_of("letter"), "Dear reader,\n")
expect.raises("resume: no/such: ENOENT", pool.map, pool, square, list, { resume = "no/such" })
expect.raises("resume: the path of a file expected, got 5", pool.map, pool, square, list, { resume = 5 })
if mm.current_world() ~= "serial" then
  local go = mm.Event()
  local function wait_for(x)
    go:wait()
    return x
  end
  local first = pool:map_async(wait_for, list, { resume = "both" })
  expect.raises("another program, or another call, writes it", pool.map_async, pool, wait_for, list,
    { resume = "both" })
  go:set()
  expect.equal(first:get(), list)
end

-- Values of each kind come back as they were.
local values = {
  1, 1.5, -7, 2 ^ 53, 1e300, 0.1, true, false, "text", "two\nlines\t.", "Grüße", "\255\0\1", "", "\226\130\172\128",
  { 1, 2, { 3 } }, { a = 1, b = { "x" } }, {}, { {} }, { 1, nil, 3 }, { [2] = 5 }, { a = {}, [1] = 2 }, 1 / 0,
}
local function same(x) return x end
for _ = 1, 2 do
  local results = pool:map(same, values, { resume = "values" })
  for i = 1, #values do
    expect.equal(results[i], values[i], "value " .. i)
    expect.equal(tostring(type(results[i]) == "number" and results[i]),
      tostring(type(values[i]) == "number" and values[i]))
    expect.equal(getmetatable(results[i]), getmetatable(values[i]))
  end
end
local results = pool:map(function() end, { 1, 2 }, { resume = "nothing" })
expect.equal({ results[1], results[2] }, {})
expect.equal(pool:map(function() return 0 / 0 end, { 1 }, { resume = "nan" })[1] == 0, false)
local failed = expect.raises("the result cannot be written", pool.map, pool, function() return print end, { 1 },
  { resume = "functions" })
expect.equal(failed.kind, "unsendable")

-- The other ways to run a list.
local function join(a, b) return a .. "-" .. b end
for _ = 1, 2 do
  expect.equal(pool:starmap(join, { { 1, 2 }, { "a", "b" } }, { resume = "joined" }), { "1-2", "a-b" })
  expect.equal(pool:starmap_async(join, { { 1, 2 }, { 3, 4 } }, { resume = "joined_async" }):get(), { "1-2", "3-4" })
  expect.equal(pool:map(square, list, { resume = "by_three", chunksize = 3, progress = function() end }),
    { 1, 4, 9, 16, 25, 36 })
  expect.equal(pool:map(square, {}, { resume = "empty" }), {})
end
for _, name in ipairs({ "imap", "imap_unordered" }) do
  for _, chunksize in ipairs({ 1, 4 }) do
    local options = { resume = name .. chunksize, chunksize = chunksize }
    items_run()
    is_broken:set()
    local squares, three = {}, nil
    local next_result = pool[name](pool, square, list, options)
    for _ = 1, #list do
      local ok, result = pcall(next_result)
      if ok then squares[#squares + 1] = result else three = result end
    end
    expect.equal(next_result(), nil)
    expect.truthy(tostring(three):find("three"))
    expect.same_set(squares, { 1, 4, 16, 25, 36 })
    expect.equal(items_run(), list)
    is_broken:clear()
    squares = {}
    for result in pool[name](pool, square, list, options) do squares[#squares + 1] = result end
    expect.same_set(squares, { 1, 4, 9, 16, 25, 36 })
    if name == "imap" then expect.equal(squares, { 1, 4, 9, 16, 25, 36 }) end
    expect.equal(items_run(), { 3 })
  end
end
expect.raises("Pool:imap: resume: not for an iterator", pool.imap, pool, square, function() end, { resume = "x" })
local kept = pool:map(function(x) return x > 1 and x or error("small") end, { 1, 2 },
  { resume = "kept", errors = "return" })
expect.equal({ kept[1].kind, kept[2] }, { "error", 2 })
pool:terminate()
