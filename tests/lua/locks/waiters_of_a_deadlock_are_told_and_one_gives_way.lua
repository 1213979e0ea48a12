-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local barrier, results = mm.Barrier, mm.Queue()

-- Takes its first lock, waits until all have theirs, and takes its second one. The one that is refused releases its
-- first lock, and so the others go on.
local function cross(first, second, ways, all_hold, out)
  first["acquire" .. ways[1]](first)
  all_hold:wait()
  local ok, err = pcall(second["acquire" .. ways[2]], second)
  if ok then second["release" .. ways[2]](second) end
  first["release" .. ways[1]](first)
  out:put(ok and "fine" or { kind = err.kind, text = tostring(err) })
end

-- Each worker's second lock is the first one of the next. Returns the errors.
local function run(locks, ways)
  local all_hold, workers, errors = barrier(#locks), {}, {}
  for i = 1, #locks do
    workers[i] = mm.Process{ name = "crosser-" .. i, target = cross,
      args = { locks[i], locks[i % #locks + 1], ways and ways[i] or { "", "" }, all_hold, results } }
    workers[i]:start()
  end
  for _ = 1, #locks do
    local result = results:get(expect.HANG)
    if result ~= "fine" then errors[#errors + 1] = result end
  end
  for _, worker in ipairs(workers) do expect.truthy(worker:join(expect.HANG)) end
  return errors
end

local function check(errors, kind, count, what)
  expect.equal(#errors, 1, what .. ": one of them is refused")
  local text = errors[1].text
  expect.equal(errors[1].kind, "deadlock", what)
  expect.truthy(text:find("deadlock: each of " .. count .. " waits for what another one holds:", 1, true), text)
  for i = 1, count do
    expect.truthy(text:find("crosser-" .. i .. " (process ", 1, true), text)
  end
  expect.truthy(text:find("holds " .. kind .. " A and waits for " .. kind .. " B", 1, true), text)
  expect.truthy(text:find("at [^\n]*waiters_of_a_deadlock_are_told_and_one_gives_way%.lua:%d+"), text)
end

check(run{ mm.Lock(), mm.Lock() }, "Lock", 2, "two crosswise")
check(run{ mm.Lock(), mm.Lock(), mm.Lock() }, "Lock", 3, "three in a ring")
check(run{ mm.RLock(), mm.RLock() }, "RLock", 2, "RLocks")

local write, read = "_write", "_read"
local function rwlocks() return { mm.RWLock(), mm.RWLock() } end
check(run(rwlocks(), { { write, write }, { write, write } }), "RWLock", 2, "writers")
check(run(rwlocks(), { { read, write }, { read, write } }), "RWLock", 2, "readers that wait to write")
check(run(rwlocks(), { { write, read }, { write, read } }), "RWLock", 2, "writers that wait to read")

-- A condition's lock is acquired again at the end of a wait.
local function wait_in(its_condition, its_lock, is_held, out)
  its_condition:acquire()
  its_lock:acquire()
  is_held:set()
  local ok, err = pcall(its_condition.wait, its_condition)
  if ok then its_condition:release() end
  its_lock:release()
  out:put(ok and "fine" or err.kind)
end

local condition, lock, held = mm.Condition(), mm.Lock(), mm.Event()
local waiter = mm.Process(wait_in, condition, lock, held, results)
waiter:start()
expect.truthy(held:wait(expect.HANG))
condition:acquire()
condition:notify()
local ok, err = pcall(lock.acquire, lock)
if ok then lock:release() end
condition:release()
local other = results:get(expect.HANG)
expect.equal((ok and 0 or 1) + (other == "fine" and 0 or 1), 1, "one of them is refused")
if not ok then expect.equal(err.kind, "deadlock") else expect.equal(other, "deadlock") end
expect.truthy(waiter:join(expect.HANG))
