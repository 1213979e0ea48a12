-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local function draw()
  local numbers = {}
  for i = 1, 4 do numbers[i] = math.random(2 ^ 31 - 2) end
  return table.concat(numbers, " ")
end
local function draw_as_if_seeded(seed)
  math.randomseed(seed)
  return draw()
end

-- What the program draws after a seed of its own, with nothing in between.
math.randomseed(42)
local first, second = draw(), draw()

math.randomseed(42)
expect.equal(draw(), first)
local seen = { [first] = "the program", [second] = "the program" }
local function new(numbers, what)
  if seen[numbers] then error(what .. " draws what " .. seen[numbers] .. " drew") end
  seen[numbers] = what
end

local methods = mm.current_world() == "processes" and { "fork", "forkserver", "spawn" } or { "fork" }
for _, method in ipairs(methods) do
  for i = 1, 3 do
    local q = mm.Queue()
    local p = mm.Process({ target = function(out) out:put(draw()) end, args = { q }, method = method })
    p:start()
    new(q:get(expect.HANG), method .. " " .. i)
    p:join()
  end
end

local pool = mm.Pool(3)
local drawn = pool:map(function()
  mm.sleep(0.05)
  return draw()
end, { 1, 2, 3 }, { chunksize = 1 })
for i, numbers in ipairs(drawn) do new(numbers, "item " .. i) end

-- A seed of the worker's own gives the numbers that it gives anywhere, and is nobody else's.
expect.equal(pool:apply(draw_as_if_seeded, 42), first)
pool:terminate()

local short = mm.Pool({ workers = 1, maxtasksperchild = 1 })
for i = 1, 3 do new(short:apply(draw), "replaced worker " .. i) end
short:terminate()

expect.equal(draw(), second, "the program's own sequence")

-- The other forms of the function.
local forms = mm.Pool(1)
expect.equal(forms:apply(function()
  for _ = 1, 200 do
    local x, die, between = math.random(), math.random(6), math.random(-3, 3)
    assert(x >= 0 and x < 1, x)
    assert(die >= 1 and die <= 6 and die % 1 == 0, die)
    assert(between >= -3 and between <= 3 and between % 1 == 0, between)
  end
  if rawget(_G, "jit") == nil then
    assert(not pcall(math.random, 2, 1), "an empty interval")
    assert(not pcall(math.random, 1, 2, 3), "three arguments")
  end
  return true
end), true)
forms:terminate()
