-- SPDX-License-Identifier: MIT
-- quick: no
-- Objects of class libraries, of classes that the main script defines and registers nowhere, come and go as arguments,
-- results, through queues, in processes of each start method, and as errors; their class is one everywhere.
local mm = require "manymoons"
local expect = require "expect"
local styles = require "class_styles"

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { false }

local function check(style, pool, queue)
  local name = style.name .. ": "
  local Animal, Cat = style.make()
  local of, is = style.of, style.is or function() return true end
  local tom, rex = Cat("tom"), Animal("rex")

  local back, other, same = pool:apply(function(c, a)
    assert(c:describe() == "cat, animal tom", c:describe())
    assert(a:describe() == "animal rex")
    c:rename("tim")
    return c, a, of(c) == Cat and of(a) == Animal and is(c, Cat) and is(c, Animal)
  end, tom, rex)
  expect.truthy(same, name .. "the class of an argument is the one of an upvalue")
  expect.equal(back:describe(), "cat, animal tim", name .. "an object with a change")
  expect.equal(other:describe(), "animal rex", name .. "an object")
  expect.truthy(of(back) == Cat and of(other) == Animal, name .. "the class came back")
  expect.truthy(getmetatable(back) == getmetatable(tom), name .. "the metatable came back")
  expect.truthy(is(back, Cat) and is(back, Animal), name .. "the library knows what came back")

  local made = pool:map(function(n) return Cat("n" .. n) end, { 1, 2, 3, 4, 5, 6 })
  for i = 1, 6 do
    expect.truthy(of(made[i]) == Cat and made[i]:describe() == "cat, animal n" .. i, name .. "made in a worker")
    expect.truthy(is(made[i], Animal), name .. "the library knows what a worker made")
  end
  local C, A = pool:apply(function(c) return c, of(c("x")) == c and c.super or c._base end, Cat)
  expect.truthy(C == Cat, name .. "the class itself")
  expect.truthy(A == nil or A == Animal, name .. "its base")
  expect.truthy(pool:apply(function(c, class) return of(c) == Cat and Cat == class and is(c, class) end, made[1], Cat),
    name .. "a second call has the same class")

  local ok, err = pcall(pool.apply, pool, function() error(Cat("angry")) end)
  expect.truthy(not ok and of(err.value) == Cat and err.value:describe() == "cat, animal angry", name .. "an error")

  for _, method in ipairs(methods) do
    local p = mm.Process{ method = method or nil, args = { queue, tom }, target = function(q, c)
      q:put(Cat("made"))
      q:put(c)
      q:put({ Cat, of(c) == Cat and is(c, Cat) and is(Cat("other"), Animal) })
    end }
    p:start()
    p:join()
    local first, second, third = queue:get(expect.HANG), queue:get(expect.HANG), queue:get(expect.HANG)
    local what = name .. "a process, " .. tostring(method) .. ": "
    expect.truthy(of(first) == Cat and first:describe() == "cat, animal made", what .. "made there")
    expect.truthy(of(second) == Cat, what .. "an argument")
    expect.truthy(third[1] == Cat and third[2], what .. "the class")
  end
end

local pool, queue = mm.Pool(2), mm.Queue()
for _, style in ipairs(styles.list) do check(style, pool, queue) end
pool:terminate()

-- A pool that was made after the classes gets them with the globals as well.
for _, style in ipairs(styles.list) do
  Animal, Cat = style.make()
  local of = style.of
  local is = style.is or function() return true end
  local make, is_cat = function(name) return Cat(name) end, function(c) return of(c) == Cat and is(c, Animal) end
  global_make = make
  local late = mm.Pool(1)
  local cat = late:apply(function() return global_make("kit") end)
  expect.truthy(of(cat) == Cat and cat:describe() == "cat, animal kit", style.name .. ": a global class")
  expect.truthy(is(cat, Animal), style.name .. ": the library knows what a global class made")
  expect.truthy(late:apply(is_cat, cat), style.name .. ": it is the worker's global class")
  late:terminate()
end
