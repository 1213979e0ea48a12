-- SPDX-License-Identifier: MIT
-- hosts: manymoons lua5.4
-- worlds: async threads interpreters processes
-- variants: debug asan release
-- TSan keeps signals until the next call into the system.
-- Whatever stops a task, its to-be-closed variables are closed, once and in order: those of the functions that run, of
-- coroutines that run, and of those that are suspended. What is closed may wait.
local mm = require "manymoons"
local expect = require "expect"

local IS_TASK = mm.current_world() == "async"
local HAS_OWN_VM = mm.current_world() == "interpreters" or mm.current_world() == "processes"

-- Older Luas, in which this file is checked, have no word for such variables.
local work = assert(load([[
local mm = require "manymoons"
return function(q, waits)
  local function guard(name)
    return setmetatable({}, { __close = function()
      mm.sleep(0.001)
      q:put(name .. (mm.cancelled() and "" or ", and was not asked"))
    end })
  end
  local outer <close> = guard("outer")
  local other = coroutine.create(function()
    local here <close> = guard("suspended")
    coroutine.yield()
  end)
  coroutine.resume(other)
  coroutine.wrap(function()
    local here <close> = guard("coroutine")
    pcall(function()
      local inner <close> = guard("inner")
      local text = ""
      q:put("begun")
      while true do
        if waits then mm.sleep(0.001) end
        text = #text > 10 and "" or text .. "x"
      end
    end)
    mm.sleep(0.001)
    q:put("cleaned up")
    error("a task that cleaned up")
  end)()
  q:put(other) -- is never reached
end
]]))()

local ORDER = { "inner", "cleaned up", "coroutine", "outer", "suspended" }

local function check(what, q)
  for i, name in ipairs(ORDER) do expect.equal(q:get(expect.HANG), name, what .. ", " .. i) end
  expect.equal(q:qsize(), 0, what)
end

local function begin(q, ...)
  local pool = mm.Pool(1)
  local future = pool:apply_async(work, { q, IS_TASK }, ...)
  expect.equal(q:get(expect.HANG), "begun")
  return pool, future
end

local function run(main)
  if IS_TASK then mm.async.run(main) else main() end
end

run(function()
  local q = mm.Queue()
  local p = mm.Process(work, q, IS_TASK)
  p:start()
  expect.equal(q:get(expect.HANG), "begun")
  p:terminate()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(p.exitcode, -15)
  check("terminate", q)
end)

run(function()
  local q = mm.Queue()
  local pool, future = begin(q)
  expect.equal(future:cancel(), true)
  check("cancel", q)
  expect.equal(pool:apply(function() return "goes on" end), "goes on")
  pool:terminate()
end)

run(function()
  local q = mm.Queue()
  local pool, future = begin(q, { timeout = 0.05 })
  expect.equal(expect.raises("took longer", future.get, future).kind, "timeout")
  check("a time limit", q)
  pool:terminate()
end)

run(function()
  local q = mm.Queue()
  local pool = begin(q)
  pool:terminate()
  check("the end of the pool", q)
end)

if HAS_OWN_VM then
  local q = mm.Queue()
  local p = mm.Process({ target = work, args = { q }, timeout = 0.3 })
  p:start()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(p.exitcode, -14)
  expect.equal(q:get(expect.HANG), "begun")
  check("the limit of a worker", q)
end

-- A finalizer runs once, after them.
if mm.current_world() == "interpreters" then
  local q = mm.Queue()
  local p = mm.Process(function(out)
    local text, kept = "", setmetatable({}, { __gc = function() out:put("finalizer") end })
    out:put("begun")
    while kept do text = #text > 10 and "" or text .. "x" end
  end, q)
  p:start()
  expect.equal(q:get(expect.HANG), "begun")
  p:terminate()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(q:get(expect.HANG), "finalizer")
  expect.equal(q:qsize(), 0)
end
