-- SPDX-License-Identifier: MIT
-- The constructors of locks, made of the table of their kinds; `with` and `guard`, for the handles of
-- locks/lock_handle.h.
-- Condition and Barrier: classes around such a handle and what else they need, a lock or a function to run; an object
-- travels as the table that it is, by the name of its class.
local require, native = ...

local checks = require("core.checks")
local waits = require("core.waits")

local expect = checks.expect
local kinds = native.lock_kinds() -- the rows of vm/shared/lock_kinds.def, in a list and by name
local MOST_PERMITS, MOST_PARTIES = 2 ^ 31 - 1, 10000

local locks = { kinds = kinds, MOST_PERMITS = MOST_PERMITS, MOST_PARTIES = MOST_PARTIES }

-- With ------------------------------------------------------------------------------------------------

local function finish(lock, release, ok, ...)
  lock[release](lock)
  if not ok then error((...), 0) end
  return ...
end

-- lock:with(f, …) → what f(…) returns, called while the lock is held; with_read and with_write of an RWLock.
-- check(self, where) raises unless it is called on a lock of the class.
function locks.new_with(class, way, check)
  local acquire, release, where = "acquire" .. way, "release" .. way, class .. ":with" .. way
  return function(self, f, ...)
    check(self, where)
    expect(checks.is_callable(f), where, "function expected, got " .. type(f))
    self[acquire](self)
    return finish(self, release, pcall(f, ...))
  end
end

-- Guards: what was acquired, to be released once.
local Guard = {}
local guard_meta = { __index = Guard, __name = "Guard" }

function Guard.release(self)
  checks.self(self, guard_meta, "Guard:release")
  local lock = self._lock
  if not lock then return end
  self._lock = nil
  lock[self._release](lock)
end
guard_meta.__close = Guard.release

function guard_meta.__tostring(self)
  return "Guard: " .. (self._lock and tostring(self._lock) or "released")
end

-- lock:guard(…) → a guard, once acquire(…) has succeeded, and what acquire says beside true; guard_read and guard_write
-- of an RWLock. check is that of new_with.
function locks.new_guard(class, way, check)
  local acquire, release, where = "acquire" .. way, "release" .. way, class .. ":guard" .. way
  return function(self, ...)
    check(self, where)
    local first, second = ...
    if type(first) == "boolean" then checks.timeout(second, where) else checks.timeout(first, where) end
    local is_acquired, why = self[acquire](self, ...)
    if not is_acquired then return nil, why end
    return setmetatable({ _lock = self, _release = release }, guard_meta), why
  end
end

-- Waits with self:wait(seconds) until predicate() is true, or the time is up; what it returned last.
local function wait_for(self, predicate, timeout)
  expect(checks.is_callable(predicate), "Condition:wait_for", "predicate: function expected, got " .. type(predicate))
  timeout = checks.timeout(timeout, "Condition:wait_for")
  local until_when = timeout and native.time() + timeout
  local result = predicate()
  while not result do
    local left = until_when and until_when - native.time()
    if left and left <= 0 then break end
    self:wait(left)
    result = predicate()
  end
  return result
end

-- Whether it has permits, which acquire takes and release returns.
function locks.has_permits(kind) return kind.holds ~= "nothing" and kind.holds ~= "shared" end

-- The endings of the names of its acquire.
function locks.ways_of(kind)
  return locks.has_permits(kind) and { "" } or kind.holds == "shared" and { "_read", "_write" } or {}
end

for _, kind in ipairs(kinds) do
  local function check(self, where) checks.handle(self, kind.name, where) end
  local methods = native.lock_methods(kind.name)
  for _, way in ipairs(locks.ways_of(kind)) do
    methods["with" .. way] = locks.new_with(kind.name, way, check)
    methods["guard" .. way] = locks.new_guard(kind.name, way, check)
  end
end

-- The methods that call functions of the script, or return what only the caller has, of locks that are no handles of
-- this VM (manager/proxies.lua): by the kind's name, and under "object" those of the script's own locks. check is that
-- of new_with.
local function new_callers(class, ways, check)
  local callers = {}
  for _, way in ipairs(ways) do
    callers["with" .. way] = locks.new_with(class, way, check)
    callers["guard" .. way] = locks.new_guard(class, way, check)
  end
  return callers
end

function locks.new_callers(check)
  local by_kind = {}
  for _, kind in ipairs(kinds) do by_kind[kind.name] = new_callers(kind.name, locks.ways_of(kind), check) end
  by_kind.Condition = new_callers("Condition", { "" }, check)
  by_kind.object = new_callers("Lock", { "", "_read", "_write" }, check)
  function by_kind.Condition.wait_for(self, ...)
    check(self, "Condition:wait_for")
    return wait_for(self, ...)
  end
  by_kind.object.wait_for = by_kind.Condition.wait_for
  return by_kind
end

-- Condition -------------------------------------------------------------------------------------------

local Condition = {}
local condition_meta = { __index = Condition, __name = "Condition" }

local function check(self, meta, where)
  checks.self(self, meta, where)
  if self._is_closed then checks.fail(meta.__name .. ": used after it was closed") end
end

function condition_meta.__tostring(self) return "Condition: " .. tostring(self._lock) end

-- acquire(timeout), or as in Python acquire(block, timeout)
function Condition.acquire(self, block, timeout)
  check(self, condition_meta, "Condition:acquire")
  checks.timeout(timeout, "Condition:acquire")
  if type(block) ~= "boolean" then checks.timeout(block, "Condition:acquire") end
  return self._lock:acquire(block, timeout)
end

-- Calls method(…), whose errors name the method `where` instead.
local function call_as(where, method, ...)
  local ok, err = pcall(method, ...)
  if not ok then checks.fail((checks.bare(err):gsub("^%w+:[%w_]+", where))) end
end

function Condition.release(self)
  check(self, condition_meta, "Condition:release")
  call_as("Condition:release", self._lock.release, self._lock)
end

local function check_condition(self, where) check(self, condition_meta, where) end
Condition.with = locks.new_with("Condition", "", check_condition)
Condition.guard = locks.new_guard("Condition", "", check_condition)

function Condition.wait(self, timeout)
  check(self, condition_meta, "Condition:wait")
  return self._line:wait(self._lock, checks.timeout(timeout, "Condition:wait"))
end

-- wait_for(predicate, timeout) → what it returned last: true in the sense of Lua, unless the time was up.
function Condition.wait_for(self, predicate, timeout)
  check(self, condition_meta, "Condition:wait_for")
  return wait_for(self, predicate, timeout)
end

function Condition.notify(self, count)
  check(self, condition_meta, "Condition:notify")
  expect(count == nil or (type(count) == "number" and count >= 1), "Condition:notify",
    "a number of waiters, 1 or more, expected, got " .. checks.show(count))
  self._line:notify(self._lock, count or 1)
end

function Condition.notify_all(self)
  check(self, condition_meta, "Condition:notify_all")
  call_as("Condition:notify_all", self._line.notify, self._line, self._lock, math.huge)
end

-- Ends the waits of this VM in it, and closes its lock if it made that itself.
function Condition.close(self)
  checks.self(self, condition_meta, "Condition:close")
  if self._is_closed then return end
  self._is_closed = true
  self._line:close()
  if self._has_own_lock then self._lock:close() end
end
condition_meta.__close = Condition.close

-- Barrier ---------------------------------------------------------------------------------------------

local Barrier = {}
-- A loop may ask for them until they are what it wants.
local function state_after_turn(self)
  waits.give_turn()
  return self._core:state()
end

local read = {
  parties = function(self) return (self._core:state()) end,
  n_waiting = function(self) return (select(2, state_after_turn(self))) end,
  broken = function(self) return (select(3, state_after_turn(self))) end,
}
local barrier_meta = { __name = "Barrier", __mm_names = { Barrier, read } }

function barrier_meta.__index(self, key)
  local reader = read[key]
  if reader then return reader(self) end
  return Barrier[key]
end

function Barrier.close(self)
  checks.self(self, barrier_meta, "Barrier:close")
  self._core:close()
end
barrier_meta.__close = Barrier.close

function barrier_meta.__tostring(self) return tostring(self._core) end

local function act(self)
  if not self._action then return true end
  local ok, err = pcall(self._action)
  if ok then return true end
  self._core:abort()
  error(err, 0)
end

-- wait(timeout) → 1 for who came first, …, the number of parties for the last one; or nil, "timeout" or "broken".
function Barrier.wait(self, timeout)
  check(self, barrier_meta, "Barrier:wait")
  if timeout == nil then timeout = self._timeout end
  timeout = checks.timeout(timeout, "Barrier:wait")
  local index, is_last = self._core:arrive(timeout)
  if not index or not is_last then return index, not index and is_last or nil end
  act(self)
  local is_open, why = self._core:open()
  if not is_open then return nil, why end
  return index
end

function Barrier.abort(self)
  check(self, barrier_meta, "Barrier:abort")
  self._core:abort()
end

function Barrier.reset(self)
  check(self, barrier_meta, "Barrier:reset")
  self._core:reset()
end

locks.Condition, locks.Barrier = condition_meta, barrier_meta

-- Constructors ----------------------------------------------------------------------------------------

local function make(kind, initial, is_serial)
  local handle, why = native.lock_new(kind, initial, is_serial)
  return handle or checks.fail(kind .. ": " .. why)
end

local function check_count(value, most, where, what)
  local is_right = type(value) == "number" and value >= 0 and value <= most and value % 1 == 0
  expect(is_right, where, what .. " expected, got " .. checks.show(value))
end

-- Whether the value has one holder at a time; one that is "recursive" may acquire it again.
local function is_lock(value)
  if type(value) ~= "userdata" then return false end
  local meta = getmetatable(value)
  local kind = type(meta) == "table" and kinds[meta.__name]
  return kind and (kind.holds == "one" or kind.holds == "recursive") or false
end

local function new_plain(kind, is_serial)
  local initial = locks.has_permits(kinds[kind]) and 1 or 0
  return function(...)
    expect(select("#", ...) == 0, kind, "no argument expected")
    return make(kind, initial, is_serial)
  end
end

local function new_semaphore(kind, is_serial)
  return function(value)
    value = value == nil and 1 or value
    check_count(value, MOST_PERMITS, kind, "a whole number of permits, 0 or more,")
    return make(kind, value, is_serial)
  end
end

-- conditions: async/conditions.lua in the world `async`, nil elsewhere
local function new_condition(_, is_serial, conditions)
  return function(lock)
    expect(lock == nil or is_lock(lock), "Condition", "a Lock or an RLock expected, got " .. type(lock))
    local line = conditions and conditions.new_line() or make("Condition", 0, is_serial)
    return setmetatable({
      _lock = lock or make("RLock", 1, is_serial), _line = line, _has_own_lock = lock == nil, _is_closed = false,
    }, condition_meta)
  end
end

-- Barrier(parties, action, timeout), or one table of these
local function new_barrier(_, is_serial, conditions)
  return function(parties, action, timeout)
    if type(parties) == "table" then
      checks.check_options(parties, { parties = true, action = true, timeout = true }, "Barrier")
      parties, action, timeout = parties.parties, parties.action, parties.timeout
    end
    check_count(parties, MOST_PARTIES, "Barrier", "parties: a whole number from 1 to " .. MOST_PARTIES)
    expect(parties >= 1, "Barrier", "parties: a whole number, 1 or more, expected, got " .. checks.show(parties))
    expect(action == nil or checks.is_callable(action), "Barrier", "action: function expected, got " .. type(action))
    timeout = checks.timeout(timeout, "Barrier")
    local core = conditions and conditions.new_barrier(parties) or make("Barrier", parties, is_serial)
    return setmetatable({ _core = core, _action = action, _timeout = timeout }, barrier_meta)
  end
end

local composed = { Condition = new_condition, Barrier = new_barrier }
local by_holding = { permits = new_semaphore, bounded = new_semaphore }

function locks.constructors(is_serial, conditions)
  local list = {}
  for _, kind in ipairs(kinds) do
    local new = composed[kind.name] or by_holding[kind.holds] or new_plain
    list[kind.name] = new(kind.name, is_serial, conditions)
  end
  return list
end

return locks
