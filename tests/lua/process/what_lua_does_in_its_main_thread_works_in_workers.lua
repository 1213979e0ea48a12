-- SPDX-License-Identifier: MIT
-- As deep as Lua's own limits of 200 nested C calls allow; coroutine.resume never raises; a worker is in no coroutine.
local mm = require "manymoons"
local expect = require "expect"

local unpack = table.unpack or unpack

local function nested(depth)
  if depth == 0 then return "y" end
  return (("x"):gsub("x", function() return nested(depth - 1) end))
end

-- Of what is running, of what resumes itself, and of what gives more than the stack holds. Lua 5.1 has its own limits,
-- and no thread for the main program.
local function resume_oddly()
  if _VERSION == "Lua 5.1" then return {} end
  local results = { coroutine.resume((coroutine.running())) }
  local inner
  inner = coroutine.create(function() return coroutine.resume(inner) end)
  results[3], results[4], results[5] = coroutine.resume(inner)
  local many = coroutine.create(function()
    local t = {}
    for i = 1, 999985 do t[i] = i end
    return unpack(t)
  end)
  results[6] = coroutine.resume(many)
  local types = {}
  for i = 1, 6 do types[i] = type(results[i]) == "string" and "text" or results[i] end
  return types
end

local odd = _VERSION == "Lua 5.1" and {} or { false, "text", true, false, "text", false }
expect.equal(nested(180), "y")
expect.equal(resume_oddly(), odd)
local q = mm.Queue()
local worker = mm.Process(function() q:put({ nested(90), nested(180), resume_oddly() }) end)
worker:start()
expect.equal(worker:join(expect.HANG), true)
expect.equal(q:get(expect.HANG), { "y", "y", odd })

local pool = mm.Pool(1)
expect.equal({ pool:apply(nested, 180), pool:apply(resume_oddly) }, { "y", odd })
pool:terminate()

-- Where workers are coroutines of Lua, only those of tasks are that to scripts as well: they may give up their turn.
local function where()
  local _, is_main = coroutine.running()
  return is_main, pcall(coroutine.yield)
end
if _VERSION ~= "Lua 5.1" then
  local outside = { false, "attempt to yield from outside a coroutine" }
  local is_task = mm.current_world() == "async"
  pool = mm.Pool(1)
  local is_main, ok, why = pool:apply(where)
  expect.equal({ is_main, ok, why }, is_task and { false, true } or { true, unpack(outside) })
  expect.equal(pool:apply(function()
    return coroutine.wrap(function() return select(2, coroutine.running()), coroutine.yield(1) end)()
  end), 1)
  pool:terminate()
end
