-- SPDX-License-Identifier: MIT
local mm = require "manymoons"
local expect = require "expect"

local load = loadstring or load -- luacheck: ignore

-- `make` locks; is_held tells whether one is held.
local function check(lock, is_held, guard, other)
  local g, why = lock[guard](lock)
  expect.truthy(g, why)
  expect.equal(is_held(lock), true)
  expect.truthy(tostring(g):find("^Guard: "), tostring(g))
  if other then expect.equal({ lock[other](lock, 0) }, { nil, "timeout" }) end
  g:release()
  expect.equal(is_held(lock), false)
  g:release()
  expect.equal(tostring(g), "Guard: released")

  -- `<close>` where there is one
  local block = load("local lock, guard, is_held = ...; local g <close> = lock[guard](lock); "
    .. "if not is_held(lock) then error('free') end; error('mine', 0)")
  if not block then return end
  expect.raises("^mine$", block, lock, guard, is_held)
  expect.equal(is_held(lock), false)
end

local function is_locked(lock) return lock:locked() end
local function has_no_permit(semaphore) return semaphore:get_value() == 0 end
local function is_in_use(rwlock) return tostring(rwlock) ~= "RWLock: free" end

check(mm.Lock(), is_locked, "guard", "guard")
check(mm.RLock(), is_locked, "guard")
check(mm.Semaphore(1), has_no_permit, "guard", "guard")
check(mm.BoundedSemaphore(1), has_no_permit, "guard", "guard")
check(mm.RWLock(), is_in_use, "guard_read")
check(mm.RWLock(), is_in_use, "guard_write", "guard_read")

check(mm.FileLock("guarded.lock"), is_locked, "guard")

local lock = mm.Lock()
check(mm.Condition(lock), function() return lock:locked() end, "guard")

-- A guard that was released leaves a later holder alone.
local first = lock:guard()
first:release()
local second = lock:guard(1)
first:release()
expect.equal(lock:locked(), true)
second:release()

local manager = mm.Manager()
local remote = manager:Lock()
local g = remote:guard()
expect.equal({ remote:acquire(0) }, { nil, "timeout" })
g:release()
expect.equal(remote:acquire(0), true)
remote:release()
manager:close()

expect.raises("Guard:release: a Guard expected, got nil", g.release)
