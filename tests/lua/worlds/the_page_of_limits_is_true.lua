-- SPDX-License-Identifier: MIT
-- docs/reference/limits.md: each row of its first table is the outcome of a small program in this world, and each
-- test that its second table names is there.
local mm = require "manymoons"
local expect = require "expect"
local unpack = table.unpack or unpack

local top = arg[0]:match("^(.*)tests/lua/worlds/[^/]*$") or ""
local world = mm.current_world()

local function same(a, b) return a == b and "the same" or "a copy" end

-- The outcome of a call in a worker: true and its results, or false and the error.
local function call(f, ...)
  local pool = mm.Pool(1)
  local outcome = { pcall(pool.apply, pool, f, ...) }
  pool:terminate()
  return unpack(outcome)
end

local function result(...) return select(2, assert(call(...))) end

local function taken(options)
  local ok, pool = pcall(mm.Pool, options)
  if ok then pool:terminate() end
  return ok and "taken" or "refused"
end

-- A call that waits is cancelled once it has begun: what its function puts into the queue then.
local function after_one_cancel(f)
  local queue, pool = mm.Queue(), mm.Pool(1)
  local future = pool:submit(f, queue)
  expect.equal(queue:get(expect.HANG), "begun")
  future:cancel()
  -- A worker that runs the next call has ended the one before.
  expect.equal(pool:apply(function() return 1 end), 1)
  local said = queue:get(0)
  pool:terminate()
  return said
end

-- A stop gives a moment to clean up, in which a busy machine may not run the worker at all.
local function after_cancel(f)
  if world == "serial" then return nil end
  for _ = 1, 20 do
    local said = after_one_cancel(f)
    if said then return said end
  end
  return "nothing"
end

local rows = {
  ["a table that went through a queue is"] = function()
    local queue, t = mm.Queue(), {}
    queue:put(t)
    return same(queue:get(), t)
  end,
  ["a table as argument of a call is"] = function()
    local t = {}
    result(function(x) x.is_set = true end, t)
    return t.is_set and "the same" or "a copy"
  end,
  ["a table as result of a call is"] = function()
    local t = {}
    return same(result(function() return t end), t)
  end,
  ["a function that went and came back is"] = function()
    local function f() end
    return same(result(function(x) return x end, f), f)
  end,
  ["a table as error value of a call is"] = function()
    local t = {}
    return same(select(2, call(function() error(t) end)).value, t)
  end,
  ["two items of one `map` that are one table are"] = function()
    local t, pool = {}, mm.Pool(1)
    local results = pool:map(function(x) return x end, { t, t }, { chunksize = 2 })
    pool:terminate()
    return results[1] == results[2] and "one table" or "two tables"
  end,
  ["a local variable that a call sets is set"] = function()
    local is_set = false
    result(function() is_set = true end)
    return is_set and "here as well" or "there alone"
  end,
  ["a global that a call sets is set"] = function()
    set_by_a_call = nil -- luacheck: ignore
    result(function() set_by_a_call = true end) -- luacheck: ignore
    return rawget(_G, "set_by_a_call") and "here as well" or "there alone"
  end,
  ["a method that a call adds to all strings is"] = function()
    result(function() string.added_by_a_call = print end) -- luacheck: ignore
    local is_here = ("").added_by_a_call ~= nil
    string.added_by_a_call = nil -- luacheck: ignore
    return is_here and "here as well" or "there alone"
  end,
  ["a coroutine as argument is"] = function()
    return call(type, coroutine.create(function() end)) and "taken" or "refused"
  end,
  ["`math.random` in a call continues"] = function()
    math.randomseed(7)
    local first, second = math.random(1e9), math.random(1e9)
    math.randomseed(7)
    expect.equal(math.random(1e9), first)
    return result(function() return math.random(1e9) end) == second and "the program's numbers" or "its own"
  end,
  ["the process id in a call is"] = function()
    local function pid() return require("manymoons").current_process().pid end
    return result(pid) == pid() and "the program's" or "its own"
  end,
  ["`memory =`, `nice =` and `libs =` are"] = function()
    local found = taken{ workers = 1, memory = 2 ^ 26 }
    expect.equal(taken{ workers = 1, nice = 1 }, found)
    expect.equal(taken{ workers = 1, libs = { "safe" } }, found)
    return found
  end,
  ["`cpus =` is"] = function() return taken{ workers = 1, cpus = mm._native.processors() } end,
  ["`sandbox =` is"] = function()
    if world == "processes" and mm._native.sandbox_obstacle(true) then return nil end
    return taken{ workers = 1, sandbox = true }
  end,
  ["a call that is cancelled while it waits closes its `<close>` variables"] = coroutine.close and function()
    local said = after_cancel(load([[
      return function(queue)
        local guard <close> = setmetatable({}, { __close = function() queue:put("closed") end })
        queue:put("begun")
        require("manymoons").sleep(1e6)
      end]])())
    return not said and "it cannot be cancelled" or said == "closed" and "yes" or said
  end or false,
  ["code behind a `pcall` around that wait runs"] = coroutine.close and function()
    local said = after_cancel(function(queue)
      queue:put("begun")
      pcall(require("manymoons").sleep, 1e6)
      queue:put("behind")
    end)
    return not said and "it cannot be cancelled" or said == "behind" and "yes" or "no"
  end or false,
}

local file = assert(io.open(top .. "docs/reference/limits.md"))
local text = file:read("*a")
file:close()

local columns, found, named = nil, {}, 0
for line in text:gmatch("[^\n]+") do
  local cells = {}
  for cell in line:gmatch("|%s*([^|]-)%s*%f[|]") do cells[#cells + 1] = cell end
  if line:find("^| | `") then
    columns = {}
    for i, cell in ipairs(cells) do columns[cell:gsub("`", "")] = i end
  elseif #cells == 6 and not cells[1]:find("^%-") then
    local probe = rows[cells[1]]
    expect.truthy(probe ~= nil, "no program for the row: " .. cells[1])
    found[cells[1]] = true
    local outcome = probe and probe()
    if outcome then expect.equal(cells[1] .. ": " .. outcome, cells[1] .. ": " .. cells[columns[world]]) end
  elseif #cells == 3 and cells[3]:find("^`") then
    named = named + 1
    local shown = cells[3]:match("`(.-)`")
    local test = io.open(top .. shown)
    expect.truthy(test, "there is no " .. shown)
    test:close()
  end
end
for row in pairs(rows) do expect.truthy(found[row], "the page has no row: " .. row) end
expect.truthy(named > 10, "the tests of the second table")
