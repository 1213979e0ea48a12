-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- A caller waits for a worker's end, and the worker waits for a lock of the caller: the younger wait is refused, with
-- the calls of both.
local mm = require "manymoons"
local expect = require "expect"

local function take(lock, out)
  local ok, err = pcall(lock.acquire, lock)
  if ok then lock:release() end
  out:put(ok and "fine" or { kind = err.kind, text = tostring(err) })
end

local results = mm.Queue()

local function check(err, first, second)
  expect.equal(err.kind, "deadlock")
  expect.truthy(err.text:find("deadlock: each of 2 waits for", 1, true), err.text)
  expect.truthy(err.text:find(first, 1, true), err.text)
  expect.truthy(err.text:find(second, 1, true), err.text)
  expect.truthy(err.text:find("\n    [^\n]+ %([^\n]*a_cycle_through_a_join_is_a_deadlock.lua:%d+%)"), err.text)
end

-- Either may be the younger one: the joiner that is refused releases the lock, and joins again.
local function run(lock, hold, let_go, what)
  hold(lock)
  local worker = mm.Process{ name = "taker", target = take, args = { lock, results } }
  worker:start()
  local ok, err = pcall(function() worker:join() end)
  let_go(lock)
  if not ok then
    expect.truthy(tostring(err):find("Process:join: deadlock", 1, true), tostring(err))
    check({ kind = err.kind, text = tostring(err) }, "and waits for the end of taker at", "run (")
    check({ kind = err.kind, text = tostring(err) }, "taker (process ", "waits for")
  end
  expect.truthy(worker:join(expect.HANG))
  local result = results:get(expect.HANG)
  expect.equal((ok and 0 or 1) + (result == "fine" and 0 or 1), 1, what .. ": one of them is refused")
  if result ~= "fine" then check(result, "waits for the end of taker", "taker (process ") end
end

run(mm.Lock(), function(l) l:acquire() end, function(l) l:release() end, "a Lock")
run(mm.RLock(), function(l) l:acquire() end, function(l) l:release() end, "an RLock")
