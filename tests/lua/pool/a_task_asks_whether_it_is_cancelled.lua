-- SPDX-License-Identifier: MIT
-- mm.cancelled() is true in a call that somebody wants to end, in each world, and false elsewhere. A task that polls it
-- sees that before anything stops it.
local mm = require "manymoons"
local expect = require "expect"

local CAN_WAIT = mm.current_world() ~= "serial"

expect.equal(mm.cancelled(), false)
local pool = mm.Pool(1)
expect.equal(pool:apply(function() return mm.cancelled() end), false)
expect.equal(pool:map(function(x) return x + (mm.cancelled() and 1 or 0) end, { 1, 2, 3 }), { 1, 2, 3 })
local p = mm.Process(function() assert(mm.cancelled() == false) end)
p:start()
p:join()
expect.equal(p.exitcode, 0)
expect.equal(mm.cancelled(), false)
if not CAN_WAIT then return pool:terminate() end

local function polls(q, pause)
  q:put("begun")
  local count = 0
  while not mm.cancelled() do
    count = count + 1
    if pause then mm.sleep(pause) end
  end
  mm.sleep(0.001)
  q:put(mm.cancelled() and "saw it" or "forgot it")
  return count
end

local function main()
  for _, pause in ipairs({ false, 0.001, 0.01 }) do
    local what = "pause " .. tostring(pause)
    local q = mm.Queue()
    local future = pool:submit(polls, q, pause)
    expect.equal(q:get(expect.HANG), "begun", what)
    expect.equal(future:cancel(), true, what)
    expect.equal(q:get(expect.HANG), "saw it", what)
    expect.equal(expect.raises("was cancelled", future.get, future).kind, "cancelled", what)
    expect.equal(pool:apply(function() return mm.cancelled() end), false, what)

    p = mm.Process(polls, q, pause)
    p:start()
    expect.equal(q:get(expect.HANG), "begun", what)
    p:terminate()
    expect.equal(p:join(expect.HANG), true, what)
    expect.equal(p.exitcode, -15, what)
    expect.equal(q:get(expect.HANG), "saw it", what)

    local late = pool:apply_async(polls, { q, pause }, { timeout = 0.05 })
    expect.equal(q:get(expect.HANG), "begun", what)
    expect.equal(expect.raises("took longer", late.get, late).kind, "timeout", what)
    expect.equal(q:get(expect.HANG), "saw it", what)
  end

  -- One that polls and does not listen is stopped.
  local q = mm.Queue()
  local deaf = pool:submit(function(out)
    out:put("begun")
    while mm.cancelled() ~= "never" do mm.sleep(0.001) end
  end, q)
  expect.equal(q:get(expect.HANG), "begun")
  expect.equal(deaf:cancel(), true)
  expect.equal(pool:apply(function() return "goes on" end), "goes on")

  -- The end of the pool is asked for, too.
  pool:submit(polls, q, 0.001)
  expect.equal(q:get(expect.HANG), "begun")
  pool:terminate()
  if mm.current_world() ~= "async" then expect.equal(q:get(expect.HANG), "saw it") end
end

if mm.current_world() == "async" then mm.async.run(main) else main() end
expect.equal(mm.cancelled(), false)
