-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- variants: debug asan release
-- In each Lua a task that is stopped goes on behind the pcall that it is in, once, and may wait there. The error of a
-- stop passes through coroutines in Lua 5.3 and later; in 5.1 and LuaJIT it ends one, and the resume of
-- it fails. In async a waiting task is closed where it waits, and nothing follows.
local mm = require "manymoons"
local expect = require "expect"

local PASSES = _VERSION ~= "Lua 5.1"

local function work(q, is_in_coroutine)
  local function loop()
    q:put("begun")
    while true do mm.sleep(0.001) end
  end
  local ok = pcall(function()
    if not is_in_coroutine then return loop() end
    local resumed = coroutine.resume(coroutine.create(loop))
    mm.sleep(0.001)
    q:put("resume gave " .. tostring(resumed))
    error("the end of the coroutine's caller")
  end)
  mm.sleep(0.001)
  q:put("cleaned up, " .. tostring(ok) .. ", " .. tostring(mm.cancelled()))
end

local function check(q, what, is_in_coroutine)
  local answer = q:get(expect.HANG)
  if is_in_coroutine and answer == "resume gave false" and not PASSES then answer = q:get(expect.HANG) end
  expect.equal(answer, "cleaned up, false, true", what)
  expect.equal(q:qsize(), 0, what)
end

local function try(is_in_coroutine)
  local q, name = mm.Queue(), is_in_coroutine and ", in a coroutine" or ""
  local pool = mm.Pool(1)
  local future = pool:submit(work, q, is_in_coroutine)
  expect.equal(q:get(expect.HANG), "begun")
  expect.equal(future:cancel(), true)
  check(q, "cancel" .. name, is_in_coroutine)
  expect.equal(pool:apply(function() return "goes on" end), "goes on")

  future = pool:apply_async(work, { q, is_in_coroutine }, { timeout = 0.05 })
  expect.equal(q:get(expect.HANG), "begun")
  expect.equal(expect.raises("took longer", future.get, future).kind, "timeout")
  check(q, "a time limit" .. name, is_in_coroutine)
  pool:terminate()

  local p = mm.Process(work, q, is_in_coroutine)
  p:start()
  expect.equal(q:get(expect.HANG), "begun")
  p:terminate()
  expect.equal(p:join(expect.HANG), true)
  expect.equal(p.exitcode, -15)
  check(q, "terminate" .. name, is_in_coroutine)
end

try(false)
try(true)
