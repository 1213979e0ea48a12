-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local has_pairs = pcall(pairs, mm.freeze({})) -- Lua 5.1 and LuaJIT have no __pairs
local unpack = table.unpack or unpack

local big, million = ("x"):rep(100000), {}
local shared = { "part" }
local source = {
  name = "config", ratio = 1.5, size = 2 ^ 40, yes = true, no = false, [true] = "key", [false] = 0, [1.5] = "half",
  [-3] = "minus", [2 ^ 60] = "far", [""] = "empty", ["with\0zero"] = "\0\1\255", big = big,
  list = { 10, 20, 30, { deep = { deeper = { "down" } } } },
  one = shared, two = shared,
}
source.self, source.list.up = source, source
for i = 1, 3000 do million["key " .. i] = i end
source.many = million

local f = mm.freeze(source)

local function check_contents(t)
  expect.equal({ t.name, t.ratio, t.size, t.yes, t.no, t[true], t[false], t[1.5], t[-3], t[2 ^ 60], t[""] },
    { "config", 1.5, 2 ^ 40, true, false, "key", 0, "half", "minus", "far", "empty" })
  expect.equal({ t["with\0zero"], t.big == big, t.nothing, t[4], t[2 ^ 61], t[0 / 0] }, { "\0\1\255", true })
  expect.equal({ #t, #t.list, #t.one, #t.list[4].deep.deeper }, { 0, 4, 1, 1 })
  expect.equal({ t.list[1], t.list[2.0], t.list[4].deep.deeper[1], t.list[5], t.list[0] }, { 10, 20, "down", nil, nil })
  expect.truthy(t.self == t and t.list.up == t and t.one == t.two and t.one ~= t.list, "shared parts and cycles")
  expect.equal({ t.many["key 1"], t.many["key 3000"], t.many["key 3001"], t.many.name }, { 1, 3000, nil, nil })
end
check_contents(source)
check_contents(f)
expect.truthy(rawequal(f.list, f.list) and rawequal(f.one, f.two), "one table is one value")
if math.type then
  expect.equal({ math.type(mm.freeze({ 1 })[1]), math.type(mm.freeze({ 1.0 })[1]) }, { "integer", "float" })
  expect.equal(mm.freeze({ math.maxinteger, math.mininteger })[2], math.mininteger)
  local key = next(mm.thaw(mm.freeze({ [math.maxinteger] = 1 })))
  expect.equal(key, math.maxinteger)
end
expect.equal(1 / mm.freeze({ -1 / math.huge })[1], -math.huge)

-- It never changes, whatever its source does.
shared[1], source.name = "changed", "changed"
expect.equal({ f.one[1], f.name }, { "part", "config" })
source.name, shared[1] = "config", "part"
expect.raises("frozen table: it never changes: cannot set 'name'", function() f.name = "other" end)
expect.raises("frozen table: it never changes: cannot set 'new'", function() f.new = 1 end)
expect.raises("cannot set %[1%]", function() f.list[1] = nil end)
expect.truthy(not pcall(rawset, f, "name", 1))
expect.equal({ f.name, f.new, f.list[1] }, { "config", nil, 10 })

-- What is read often is kept beside it; that it is changes nothing.
for round = 1, 200 do
  check_contents(f)
  expect.equal({ f.list[4].deep.deeper[1], f.nothing }, { "down", nil }, "round " .. round)
end
for i = 1, 3000 do expect.equal(f.many["key " .. i], i) end
expect.raises("never changes", function() f.name = "other" end)
expect.raises("never changes", function() f.list.up = nil end)
expect.truthy(rawequal(f.list, f.self.list))

-- All of it is visited once.
local function collect(each, t, start)
  local seen, count = {}, 0
  for key, value in each, t, start do
    expect.equal(seen[key], nil, "visited twice")
    seen[key], count = value, count + 1
  end
  return seen, count
end
local wanted = 0
for _ in pairs(source) do wanted = wanted + 1 end
local seen, count = collect(f)
expect.equal({ count, seen.name, seen[1.5], rawequal(seen.list, f.list) }, { wanted, "config", "half", true })
seen, count = collect(f.many)
expect.equal({ count, seen["key 7"] }, { 3000, 7 })
seen, count = collect(mm.freeze({ 1, 2, nil, 4, x = 5 }))
expect.equal({ count, seen[1], seen[2], seen[4], seen.x }, { 4, 1, 2, 4, 5 })
expect.equal(select(2, collect(mm.freeze({}))), 0)
if has_pairs then
  seen, count = collect(pairs(f))
  expect.equal({ count, seen.name }, { wanted, "config" })
  local listed = {}
  for i, value in ipairs(mm.freeze({ "a", "b", "c" })) do listed[i] = value end
  expect.equal(listed, { "a", "b", "c" })
  expect.equal({ unpack(mm.freeze({ 1, 2, 3 })) }, { 1, 2, 3 })
  expect.equal(table.concat(mm.freeze({ 1, 2, 3 }), "-"), "1-2-3")
end

-- A copy is an ordinary table, with the cycles and shared parts.
local copy = mm.thaw(f)
expect.equal(type(copy), "table")
check_contents(copy)
copy.name, copy.list[1] = "mine", nil
expect.equal({ copy.name, f.name, f.list[1], mm.thaw(f.list)[2], mm.thaw(f.list).up.name },
  { "mine", "config", 10, 20, "config" })

-- Frozen tables in a value are copied into the new one, which then stands alone.
local outer = mm.freeze({ inner = f.list, again = f.list, all = f })
expect.equal({ outer.inner[2], outer.inner == outer.again, outer.all.one[1] }, { 20, true, "part" })
expect.truthy(mm.freeze(f) == f and mm.freeze(f.list) == f.list)
expect.truthy(mm.freeze({}) ~= mm.freeze({}))

-- Depth has no limit, and neither has the number of tables.
local deep = {}
local bottom = deep
for i = 1, 20000 do
  bottom.next, bottom.depth = {}, i
  bottom = bottom.next
end
bottom.co = coroutine.create(function() end)
expect.raises("freeze: cannot freeze a coroutine %(at value.*….*%.co%)", mm.freeze, deep)
bottom.co = "end"
local level, steps = mm.freeze(deep), 0
while level.next do level, steps = level.next, steps + 1 end
expect.equal({ steps, level.co }, { 20000, "end" })

-- What is no data is refused, by its path.
local class = setmetatable({}, { __index = { method = print } })
expect.raises("freeze: cannot freeze a function %(at value%.x%.f%)", mm.freeze, { x = { f = print } })
expect.raises("cannot freeze a function %(at value%[2%]%)", mm.freeze, { 1, print })
expect.raises("cannot freeze a userdata %(at value%.q%)", mm.freeze, { q = mm.Table() })
expect.raises("cannot freeze a table with metamethods %(at value%.object%)", mm.freeze, { object = class })
expect.raises("cannot freeze a key that is a table %(at value%.x%(key%)%)", mm.freeze, { x = { [{}] = 1 } })
expect.raises("freeze: a table expected, got 5", mm.freeze, 5)
expect.raises("thaw: a frozen table expected, got table", mm.thaw, {})
expect.raises("a frozen table as bytes %(at value%[1%]%.x%): send a copy, which mm.thaw makes", mm.dumps, { { x = f } })
expect.equal(mm.freeze(setmetatable({ 1 }, { __jsontype = "array" }))[1], 1, "a metatable that does nothing")
expect.equal(tostring(mm.freeze({ 1, 2, x = 3 })), "frozen table: 3 values")

-- It travels to all workers, at any time and as any part, and stays one table there.
local q, answers = mm.Queue(), mm.Queue()
q:put({ f, f.list, { f.one } })
local got = q:get()
expect.truthy(got[1] == f and got[2] == f.list and rawequal(got[2], f.list) and got[3][1] == f.two)
local function reader(given, part, out)
  local sum = 0
  for _ = 1, 100 do
    for i = 1, 3 do sum = sum + given.list[i] end
  end
  local ok, why = pcall(function() given.name = 1 end)
  local is_one = rawequal(part, given.list)
  out:put({ sum, given.name, part[2], is_one, given.self.one == given.two, ok, tostring(why), part })
end
local worker = mm.Process(reader, f, f.list, answers)
worker:start()
worker:join()
local answer = answers:get(expect.HANG)
expect.equal({ unpack(answer, 1, 6) }, { 6000, "config", 20, true, true, false })
expect.truthy(answer[7]:find("never changes") and answer[8] == f.list)
local pool = mm.Pool(2)
local squares = pool:map(function(i) return f.list[i] ^ 2 end, { 1, 2, 3 })
expect.equal(squares, { 100, 400, 900 })
expect.equal(pool:apply(function(part) return part.name .. part.list[1] end, f), "config10")
pool:close()
pool:join()

-- It lives for as long as a part of it is in use somewhere.
local part = mm.freeze({ { { "inner" } } })[1]
collectgarbage()
collectgarbage()
expect.equal(part[1][1], "inner")
q:put(mm.freeze({ "under way" }))
collectgarbage()
collectgarbage()
expect.equal(q:get()[1], "under way")

-- A variable that closes lets go of it, and of what was read often, in this VM.
local use = _VERSION >= "Lua 5.4" and load([[
  local mm, q = ...
  local f <close> = mm.freeze({ a = { "inner" } })
  for _ = 1, 200 do assert(f.a[1] == "inner") end
  q:put(f)
  return f, f.a
]])
if use then
  local closed, inner = use(mm, q)
  expect.raises("frozen table: used after close", function() return closed.a end)
  expect.raises("frozen table: used after close", function() return inner[1] end)
  expect.raises("frozen table: used after close", mm.thaw, closed)
  expect.equal({ tostring(closed), tostring(inner) }, { "closed frozen table", "closed frozen table" })
  local is_shared = mm.current_world() == "serial" or mm.current_world() == "async" or mm.current_world() == "threads"
  if not is_shared then expect.equal(q:get().a[1], "inner", "another handle") end
end
