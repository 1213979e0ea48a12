-- SPDX-License-Identifier: MIT
-- The cores of Condition and Barrier (locks/locks.lua) in the world `async`: lists of waiters, with the same methods as
-- the shared objects of locks/conditions.c. All users are tasks of this VM, so no other task runs between two waits.
local require = ...

local checks = require("core.checks")
local schedulers = require("async.schedulers")
local locks = require("locks.locks")

local conditions = {}

-- Condition -------------------------------------------------------------------------------------------

local Line = {}
Line.__index = Line
Line.__name, Line.__mm_send = "Condition of the world async", false

function conditions.new_line() return setmetatable({ _list = schedulers.new_list() }, Line) end

local function is_recursive(lock) return locks.kinds[getmetatable(lock).__name].holds == "recursive" end

-- Releases the lock entirely; returns how often the caller had acquired it, 0 if it was not the holder.
local function release_all(lock)
  local depth = 0
  while pcall(lock.release, lock) do
    depth = depth + 1
    if not is_recursive(lock) then break end
  end
  return depth
end

-- wait(lock, timeout) → true; true, "abandoned"; or nil, "timeout". It acquires the lock again in each case.
function Line.wait(self, lock, timeout)
  local depth = release_all(lock)
  if depth == 0 then checks.fail("Condition:wait: the lock is not held") end
  local ok, why = schedulers.wait_in(self._list, schedulers.due_of(timeout))
  local task = ok and schedulers.current()
  if task then task.notified_in = self._list end -- a task that ends before it has the lock passes it on
  local _, was_abandoned = lock:acquire()
  if task then task.notified_in = nil end
  for _ = 2, depth do lock:acquire() end
  if self._is_closed then checks.fail("Condition: used after it was closed") end
  if ok then return ok, was_abandoned end
  return nil, why
end

function Line.close(self)
  self._is_closed = true
  schedulers.wake_all(self._list, nil, "closed")
end

function Line.notify(self, lock, count)
  local is_held = pcall(lock.release, lock)
  if not is_held then checks.fail("Condition:notify: the lock is not held") end
  lock:acquire()
  while count >= 1 and schedulers.wake_one(self._list, true) do count = count - 1 end
end

-- Barrier ---------------------------------------------------------------------------------------------

local Core = {}
Core.__index = Core
Core.__name, Core.__mm_send = "Barrier of the world async", false

function Core.__tostring(self)
  if self._is_closed then return "closed lock" end
  local parties, waiting = self:state()
  return "Barrier: " .. waiting .. " of " .. parties .. " wait"
end

function conditions.new_barrier(parties)
  return setmetatable({ _parties = parties, _count = 0, _is_broken = false, _is_acting = false, _is_closed = false,
    _list = schedulers.new_list(), _next_round = schedulers.new_list(),
    _users = setmetatable({}, { __mode = "k" }) }, Core)
end

local function let_go(self, how)
  self._count, self._is_acting = 0, false
  schedulers.wake_all(self._list, how)
  schedulers.wake_all(self._next_round, true)
end

-- A party that fails or is cancelled cannot arrive any more, so its end breaks the barrier.
local function note_user(self)
  local task = schedulers.current()
  if not task or self._users[task] then return end
  self._users[task] = true
  schedulers.on_end(task, function()
    if task.state ~= "done" and not self._is_closed then self:abort() end
  end)
end

local function refuse_closed(self)
  if self._is_closed then checks.fail("Barrier: used after it was closed") end
end

-- arrive(timeout) → index, is_last; or nil, why. The last party has to open the barrier.
function Core.arrive(self, timeout)
  refuse_closed(self)
  local due = schedulers.due_of(timeout)
  note_user(self)
  while self._is_acting and not self._is_broken do
    local ok, why = schedulers.wait_in(self._next_round, due)
    refuse_closed(self)
    if not ok then return nil, why end
  end
  if self._is_broken then return nil, "broken" end
  self._count = self._count + 1
  local index = self._count
  if index == self._parties then
    self._is_acting = true
    return index, true
  end
  local how = schedulers.wait_in(self._list, due)
  refuse_closed(self)
  if how == "open" then return index, false end
  if how == "broken" then return nil, "broken" end
  self:abort()
  return nil, "timeout"
end

function Core.open(self)
  refuse_closed(self)
  if self._is_broken or not self._is_acting then return nil, "broken" end
  let_go(self, "open")
  return true
end

function Core.close(self)
  if self._is_closed then return end
  self._is_closed = true
  let_go(self, "broken")
end

function Core.abort(self)
  refuse_closed(self)
  self._is_broken = true
  let_go(self, "broken")
end

function Core.reset(self)
  refuse_closed(self)
  self._is_broken = false
  let_go(self, "broken")
end

function Core.state(self)
  refuse_closed(self)
  return self._parties, self._list.count, self._is_broken
end

return conditions
