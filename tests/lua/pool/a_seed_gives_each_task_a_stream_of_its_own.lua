-- SPDX-License-Identifier: MIT
-- Pool{ seed = n }: each task draws from a stream of math.random of its own, made of n and the item's place: the same
-- numbers in each world, with any number of workers and any chunksize, whatever else draws meanwhile.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local MOST = 2 ^ 30
local random = math.random -- as scripts keep it

local list = {}
for i = 1, 40 do list[i] = i end

-- Waits between its draws, so that tasks take turns.
local function draw(x)
  local a = random(MOST)
  if x % 8 == 0 then require("manymoons").sleep(0.001) end
  return string.format("%d %d", a, math.random(MOST))
end

local function seeded(workers, seed, world)
  return (world or mm).Pool({ workers = workers, seed = seed or 42 })
end

local reference = seeded(1, 42, mm.serial)
local wanted = reference:map(draw, list)

-- The numbers of each Lua, wherever it runs: of the first draw of item 1.
local jit = rawget(_G, "jit")
local of_version = { ["Lua 5.1"] = 450386087, ["Lua 5.3"] = 450386087, ["Lua 5.4"] = 332924861, LuaJIT = 1011727801 }
local known = of_version[jit and "LuaJIT" or _VERSION]
expect.equal(tonumber(wanted[1]:match("^%d+")), known or tonumber(wanted[1]:match("^%d+")))

for _, workers in ipairs({ 1, 3 }) do
  local pool = seeded(workers)
  math.randomseed(5)
  local before = random(MOST)
  for _, chunksize in ipairs({ 1, 7, 40 }) do
    expect.equal(pool:map(draw, list, { chunksize = chunksize }), wanted)
  end
  expect.equal(pool:map(draw, list), wanted)
  expect.equal(pool:map_async(draw, list):get(), wanted)
  expect.equal(pool:starmap(draw, { { 1 }, { 2 } }), { wanted[1], wanted[2] })
  local at = 0
  for result in pool:imap(draw, list) do
    at = at + 1
    expect.equal(result, wanted[at])
  end
  local found = {}
  for result in pool:imap_unordered(draw, list) do found[#found + 1] = result end
  expect.same_set(found, wanted)
  expect.equal(#found, 40)
  -- Calls by their number, with which a broadcast has nothing to do.
  expect.equal(pool:apply(draw, 1), wanted[1])
  pool:broadcast(function() return random() end)
  expect.equal(pool:submit(draw, 2):get(), wanted[2])
  expect.equal(pool:apply_async(draw, { 3 }):get(), wanted[3])
  -- Lists as a whole.
  expect.equal(pool:filter(function() return random(2) == 1 end, list),
    reference:filter(function() return random(2) == 1 end, list))
  local function is_rare() return random(16) == 1 end
  expect.equal({ pool:find(is_rare, list) }, { reference:find(is_rare, list) })
  local function keep(x) return x .. ":" .. random(MOST) end
  local function join(a, b) return a .. " " .. b end
  expect.equal(pool:reduce(keep, list, join), reference:reduce(keep, list, join))
  -- The program's own numbers go on as if there were no pool.
  local after = random(MOST)
  math.randomseed(5)
  expect.equal({ before, after }, { random(MOST), random(MOST) })
  pool:terminate()
end

-- Another seed, other numbers; a negative one, too.
for _, seed in ipairs({ 43, -42, 0 }) do
  local pool, other = seeded(2, seed), seeded(1, seed, mm.serial)
  local results = pool:map(draw, list)
  expect.equal(results, other:map(draw, list))
  for i = 1, 40 do expect.truthy(results[i] ~= wanted[i]) end
  pool:terminate()
end

-- What a task does to its stream is its own matter: seeds, errors, tasks and pools in it, and a worker's end.
local pool = seeded(2)
local function rude(x)
  local what = x % 5
  if what == 1 then math.randomseed(1) end
  if what == 2 then error("an error") end
  if what == 3 then
    require("manymoons").serial.Pool({ seed = x }):map(random, { 5, 6, 7 })
  end
  if what == 4 then
    local async = require("manymoons").async
    async.run(function()
      for _ = 1, 3 do async.spawn(random, 5) end
      async.sleep(0)
    end)
  end
  return draw(x)
end
local results = pool:map(rude, list, { errors = "return" })
for i = 1, 40 do
  if i % 5 == 0 or i % 5 == 3 then expect.equal(results[i], wanted[i], "item " .. i) end
  if i % 5 == 2 then expect.equal(results[i].kind, "error") end
end
expect.equal(pool:map(draw, list), wanted)
-- A limit of time, after which another worker goes on.
local future = pool:apply_async(function()
  while not require("manymoons").cancelled() do random() end
end, {}, { timeout = 0.01 })
expect.equal(expect.raises("took longer", future.get, future).kind, "timeout")
expect.equal(pool:map(draw, list, { chunksize = 3, retries = 1 }), wanted)
pool:terminate()

-- 10^4 streams together look like one: each of these statistics has 99 degrees of freedom.
local STREAMS = 10000
local places = {}
for i = 1, STREAMS do places[i] = i end
local function numbers_of(seed)
  local many = seeded(2, seed)
  local numbers = many:map(function()
    local a, b = random(0, 99), random(0, 99)
    return 100 * a + b
  end, places)
  many:terminate()
  return numbers
end

local function check_evenness(what, bin_of)
  local bins, chi = {}, 0
  for i = 1, STREAMS do
    local bin = bin_of(i)
    bins[bin] = (bins[bin] or 0) + 1
  end
  for bin = 0, 99 do chi = chi + ((bins[bin] or 0) - STREAMS / 100) ^ 2 / (STREAMS / 100) end
  if chi < 55 or chi > 155 then error(what .. ": chi-square " .. chi) end
end

local function tens(x) return math.floor(x / 10) end
local numbers, neighbours = numbers_of(1), numbers_of(2)
local function first(i) return math.floor(numbers[(i - 1) % STREAMS + 1] / 100) end
local function second(i) return numbers[i] % 100 end
check_evenness("first numbers", first)
check_evenness("second numbers", second)
check_evenness("first and second number", function(i) return 10 * tens(first(i)) + tens(second(i)) end)
check_evenness("neighbouring places", function(i) return 10 * tens(first(i)) + tens(first(i + 1)) end)
check_evenness("places of a power of two apart", function(i) return 10 * tens(first(i)) + tens(first(i + 1024)) end)
check_evenness("neighbouring seeds", function(i)
  return 10 * tens(first(i)) + tens(math.floor(neighbours[i] / 100))
end)
