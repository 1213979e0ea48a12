-- SPDX-License-Identifier: MIT
-- A class of the main script is one table in each VM, whichever message brings it, and the original where it was made.
local mm = require "manymoons"
local expect = require "expect"

local is_copied = mm.current_world() == "processes" or mm.current_world() == "interpreters"
local pool = mm.Pool(1)

local Point = {}
Point.__index = Point
function Point.new(x) return setmetatable({ x = x }, Point) end
function Point.__eq(a, b) return a.x == b.x end
function Point.__lt(a, b) return a.x < b.x end
function Point:moved(by) return Point.new(self.x + by) end

local function every_way_brings_the_same_class()
  local q = mm.Queue()
  expect.truthy(getmetatable(pool:apply(Point.new, 1)) == Point, "the constructor is the function")
  expect.truthy(getmetatable(pool:apply(function(x) return setmetatable({ x = x }, Point) end, 1)) == Point, "upvalue")
  expect.truthy(pool:apply(function(C, p) return C == Point and getmetatable(p) == C end, Point, Point.new(1)))
  expect.truthy(pool:apply(function(t) return t.C == Point and getmetatable(t[1]) == Point end,
    { Point.new(2), C = Point }), "in a table")
  q:put(Point.new(3))
  q:put(Point)
  local point, class = q:get(), q:get()
  expect.truthy(getmetatable(point) == Point and class == Point, "through a queue")
  expect.truthy(point:moved(2) == Point.new(5) and point < Point.new(4), "methods and metamethods")
  expect.equal(pool:apply(function(p) return p:moved(1).x end, point), 4)
  local a, b = mm.Pipe()
  a:send({ Point.new(1), Point })
  local got = b:recv(expect.HANG)
  expect.truthy(getmetatable(got[1]) == Point and got[2] == Point, "through a pipe")
  local two = mm.Pool(2)
  for _, p in ipairs(two:map(Point.new, { 1, 2, 3, 4, 5, 6, 7, 8 })) do
    expect.truthy(getmetatable(p) == Point, "of each worker")
  end
  expect.truthy(getmetatable(two:submit(function(p) return p end, Point.new(1)):get()) == Point)
  two:terminate()
end

local function a_value_that_turns_out_to_be_a_metatable_is_one()
  local Tag = {}
  local tagged = setmetatable({}, Tag)
  local tag, object = pool:apply(function(t, o) assert(getmetatable(o) == t) return t, o end, Tag, tagged)
  expect.truthy(tag == Tag and getmetatable(object) == Tag)
  object, tag = pool:apply(function(t) return t[1], t[2] end, { tagged, Tag })
  expect.truthy(tag == Tag and getmetatable(object) == Tag)
end

local function data_stays_data()
  local data = { __typename = "Point", __index = 5, list = { 1, 2 }, _G = "no" }
  local function same(t) return t end
  local first, second = pool:apply(same, data), pool:apply(same, data)
  if is_copied then expect.truthy(first ~= data and first ~= second, "two copies") end
  expect.equal(first, data)
  local functor = setmetatable({ n = 0, of = Point.new(1) }, { __call = function(self, by) return self.n + by end })
  for n = 1, 3 do
    functor.n = n
    expect.equal(pool:apply(functor, 10), n + 10)
    expect.equal(pool:apply(function(f) return f.n end, functor), n)
  end
end

local function a_changed_class_is_sent_again()
  local Counter = { total = 0 }
  Counter.__index = Counter
  local c = setmetatable({}, Counter)
  local function total(o) return o.total, o.extra and o:extra() or "none" end
  expect.equal({ pool:apply(total, c) }, { 0, "none" })
  Counter.total = 7
  function Counter.extra() return "more" end
  expect.equal({ pool:apply(total, c) }, { 7, "more" })
  Counter.extra = nil
  expect.equal({ pool:apply(total, c) }, { 7, "none" })
  -- What a worker changes in its copy stays there, and is not undone.
  local function count(o)
    local class = getmetatable(o)
    class.total = class.total + 1
    return class.total, o
  end
  local first, back = pool:apply(count, c)
  expect.equal(first, 8)
  expect.truthy(getmetatable(back) == Counter)
  expect.equal(Counter.total, is_copied and 7 or 8)
  expect.equal((pool:apply(count, c)), 9)
end

local function classes_lead_to_each_other()
  local A, B = { name = "A" }, { name = "B" }
  A.__index, B.__index = A, setmetatable({}, { __index = A })
  A.other, B.other = B, A
  A.default = setmetatable({}, B)
  function A.of() return B end
  function B.of() return A end
  local a, b = pool:apply(function(x, y)
    assert(getmetatable(x).other == getmetatable(y) and getmetatable(y).other == getmetatable(x))
    assert(getmetatable(x).of() == getmetatable(y) and getmetatable(getmetatable(x).default) == getmetatable(y))
    return x, y
  end, setmetatable({}, A), setmetatable({}, B))
  expect.truthy(getmetatable(a) == A and getmetatable(b) == B)
  -- a long chain, and one metatable for each object
  local chain = {}
  for i = 1, 300 do chain = setmetatable({ i = i, up = chain }, { __index = chain, level = i }) end
  local back = pool:apply(function(x)
    for i = 300, 1, -1 do
      assert(x.i == i and getmetatable(x).level == i)
      x = x.up
    end
    return x
  end, chain)
  expect.equal(back, {})
  local class = chain
  for _ = 1, 50 do
    local up = class
    class = { __index = function() return getmetatable(up) end }
  end
  expect.truthy(getmetatable(pool:apply(function(o) return o end, setmetatable({}, class))) == class)
end

local function weak_tables_and_strange_keys_stay_so()
  local cache = setmetatable({}, { __mode = "k" })
  local class = { [1.5] = "half", [true] = 1, __index = cache }
  class.cache, cache[class] = cache, "mine"
  local back, mine = pool:apply(function(o)
    local c = getmetatable(o)
    assert(getmetatable(c.cache).__mode == "k" and c[1.5] == "half" and c[true] == 1)
    return o, c.cache[c]
  end, setmetatable({}, class))
  expect.truthy(getmetatable(back) == class)
  expect.equal(mine, "mine")
end

-- What a class keeps by object in a table with weak keys goes with each object, and not with the class.
local function what_a_class_keeps_of_its_objects_goes_with_them()
  local secrets, members = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })
  local Box = { subclasses = setmetatable({}, { __mode = "k" }) }
  Box.__index = Box
  function Box.new(secret)
    local box = setmetatable({}, Box)
    secrets[box], members[box] = secret, true
    return box
  end
  function Box:secret() return secrets[self] end
  function Box.count()
    local count = 0
    for _ in pairs(members) do count = count + 1 end
    return count
  end
  local unsendable = Box.new(coroutine.create(function() end))
  Box.subclasses[{ __index = { co = unsendable:secret() } }] = true
  for i = 1, 3 do
    local box, there, made = pool:apply(function(b)
      return b, b:secret(), Box.new("made")
    end, Box.new("s" .. i))
    expect.equal({ box:secret(), there, made:secret() }, { "s" .. i, "s" .. i, "made" })
  end
  expect.equal(type(unsendable:secret()), "thread")
  if is_copied then
    collectgarbage()
    expect.truthy(pool:apply(function(b) collectgarbage() return b.count() end, Box.new("last")) < 8)
  end
end

local function classes_hold_handles()
  local q = mm.Queue()
  local Sender = { queue = q }
  Sender.__index = Sender
  function Sender:send() q:put(self.text) self.queue:put(self.text) end
  for i = 1, 3 do
    local object, passed = pool:apply(function(o, other) o:send() return o, other end,
      setmetatable({ text = "t" .. i }, Sender), q)
    expect.truthy(getmetatable(object) == Sender and passed == q)
    expect.equal({ q:get(expect.HANG), q:get(expect.HANG) }, { "t" .. i, "t" .. i })
  end
end

local function what_cannot_be_sent_is_named()
  if not is_copied then return end
  local Hidden = { __index = { co = coroutine.create(function() end) } }
  expect.raises("cannot send a coroutine %(at argument.h%(metatable%).__index.co%)", pool.apply, pool, print,
    { h = setmetatable({}, Hidden) })
  local later = { method = function() return Hidden.__index.co end }
  expect.raises("upvalue 'Hidden'%).__index.co%)", pool.apply, pool, print, setmetatable({}, { __index = later }))
  Hidden.__index.co = nil
  expect.truthy(getmetatable(pool:apply(function(t) return t.h end, { h = setmetatable({}, Hidden) })) == Hidden)
end

local function bytes_have_classes_for_who_vouches()
  local bytes = mm.dumps({ Point.new(5), Point })
  local back = mm.loads(bytes, { functions = true })
  expect.truthy(getmetatable(back[1]) == Point and back[2] == Point)
  expect.raises("which are refused unless {functions = true}", mm.loads, bytes)
  expect.raises("hold a class, which is refused unless {functions = true}", mm.loads, mm.dumps(setmetatable({}, {})))
  local there, moved = pool:apply(function(text)
    local t = require("manymoons").loads(text, { functions = true })
    return t[2], t[1]:moved(1)
  end, bytes)
  expect.truthy(there == Point and getmetatable(moved) == Point)
  expect.equal(moved.x, 6)
end

every_way_brings_the_same_class()
a_value_that_turns_out_to_be_a_metatable_is_one()
data_stays_data()
a_changed_class_is_sent_again()
classes_lead_to_each_other()
weak_tables_and_strange_keys_stay_so()
what_a_class_keeps_of_its_objects_goes_with_them()
classes_hold_handles()
what_cannot_be_sent_is_named()
bytes_have_classes_for_who_vouches()
pool:terminate()
