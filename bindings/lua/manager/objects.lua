-- SPDX-License-Identifier: MIT
-- The objects of a manager's server: queues and locks of its own, and the methods of plain tables.
--
-- All requests run in one thread of one VM. A request that has to wait does so in `wait_on`, and continues after
-- `notify` for the object, or at its timeout. client() is the client of the request. When a client's connection ends,
-- the server calls `abandon` of each of these objects, which returns what the client held.
local require, native = ...

local checks = require("core.checks")
local locks = require("locks.locks")
local deadlocks = require("manager.deadlocks")
local requests = require("manager.requests")

local objects = {}

local classes = {} -- the metatables of the classes below

local function class(name)
  local methods = {}
  local meta = { __index = methods, __name = name }
  classes[meta] = methods
  return methods, meta
end

-- The methods of an object of the classes below; nil: it is a value of the script.
local function methods_of(value) return type(value) == "table" and classes[getmetatable(value)] or nil end

function objects.is_own(value) return methods_of(value) ~= nil end

-- Returns what the client, whose connection has ended, held of the object.
function objects.abandon(value, client)
  local methods = methods_of(value)
  if methods and methods.abandon then methods.abandon(value, client) end
end

local function until_when(timeout)
  local seconds, why = checks.read_timeout(timeout)
  if why then error(why, 0) end
  return seconds and native.time() + seconds or math.huge
end

-- Waits until is_ready(self); nil, or "timeout".
local function wait_until(self, is_ready, ends)
  while not is_ready(self) do
    if native.time() >= ends or requests.wait_on(self, ends) then return "timeout" end
  end
end

-- Queues ----------------------------------------------------------------------------------------------

local Queue, queue_meta = class("Queue")

local function new_queue(maxsize)
  if maxsize ~= nil and (type(maxsize) ~= "number" or maxsize < 0) then
    error("Queue: maxsize: a number, 0 or more, expected, got " .. tostring(maxsize), 0)
  end
  return setmetatable({ items = {}, first = 1, last = 0, most = maxsize or 0, open = 0, is_closed = false }, queue_meta)
end

local function count(self) return self.last - self.first + 1 end
local function has_room(self) return self.is_closed or self.most == 0 or count(self) < self.most end
local function has_item(self) return self.is_closed or count(self) > 0 end

local NIL = {} -- stands for nil among the items

function Queue.put(self, ...)
  if select("#", ...) == 0 then error("Queue:put: value expected", 0) end
  local value, timeout = ...
  local why = wait_until(self, has_room, until_when(timeout))
  if why then return nil, timeout == 0 and "full" or why end
  if self.is_closed then return nil, "closed" end
  self.last = self.last + 1
  self.items[self.last], self.open = value == nil and NIL or value, self.open + 1
  requests.notify(self)
  return true
end

function Queue.get(self, timeout)
  local why = wait_until(self, has_item, until_when(timeout))
  if why then return nil, timeout == 0 and "empty" or why end
  if count(self) == 0 then return nil, "closed" end
  local value = self.items[self.first]
  self.items[self.first] = nil
  self.first = self.first + 1
  requests.notify(self)
  if value == NIL then return nil end
  return value
end

function Queue.put_nowait(self, ...)
  if select("#", ...) == 0 then error("Queue:put_nowait: value expected", 0) end
  return Queue.put(self, (...), 0)
end
function Queue.get_nowait(self) return Queue.get(self, 0) end
function Queue.qsize(self) return count(self) end
function Queue.empty(self) return count(self) == 0 end
function Queue.full(self) return not self.is_closed and not has_room(self) end

function Queue.close(self)
  self.is_closed = true
  requests.notify(self)
end

function Queue.task_done(self)
  if self.open <= count(self) then error("JoinableQueue:task_done: called more often than get", 0) end
  self.open = self.open - 1
  requests.notify(self)
end

function Queue.join(self, timeout)
  local why = wait_until(self, function(q) return q.open == 0 end, until_when(timeout))
  if why then return nil, why end
  return true
end

-- Locks and semaphores --------------------------------------------------------------------------------

local Permits, permits_meta = class("Permits")

-- holders: client → its permits. depth: how often the holder of a recursive lock has acquired it.
local function new_permits(kind, permits)
  local holds = locks.kinds[kind].holds
  return setmetatable({
    kind = kind, permits = permits, bound = holds ~= "permits" and permits or nil,
    holders = {}, depth = 0, abandoned = 0,
    is_lock = holds == "one" or holds == "recursive", is_recursive = holds == "recursive",
  }, permits_meta)
end

local function acquire_end(timeout, more)
  if type(timeout) ~= "boolean" then return until_when(timeout) end
  return until_when(timeout and more or (not timeout and 0 or nil))
end

function Permits.acquire(self, timeout, more)
  local client = requests.client()
  if self.is_recursive and self.holders[client] then
    self.depth = self.depth + 1
    return true
  end
  local ends = acquire_end(timeout, more)
  local is_watched = self.is_lock and self.permits == 0 and ends == math.huge
  if is_watched then deadlocks.begin(self.kind .. ":acquire", self) end
  local why = wait_until(self, function(p) return p.permits > 0 end, ends)
  if is_watched then deadlocks.finish() end
  if why then return nil, why end
  self.permits, self.depth = self.permits - 1, 1
  self.holders[client] = (self.holders[client] or 0) + 1
  if self.abandoned == 0 then return true end
  self.abandoned = self.abandoned - 1
  return true, "abandoned"
end

-- Takes released permits off the caller's account, and then off other clients': a permit may be released by a client
-- that did not acquire it.
local function discharge(self, client, permits)
  while permits > 0 do
    local holder = self.holders[client] and client or next(self.holders)
    if not holder then return end
    local taken = math.min(permits, self.holders[holder])
    self.holders[holder] = self.holders[holder] > taken and self.holders[holder] - taken or nil
    permits = permits - taken
  end
end

function Permits.release(self, permits)
  permits = permits or 1
  if type(permits) ~= "number" or permits < 1 or permits % 1 ~= 0 then
    error(self.kind .. ":release: a whole number, 1 or more, expected", 0)
  end
  if self.is_lock and self.permits > 0 then error(self.kind .. ":release: nobody holds it", 0) end
  if self.is_recursive and not self.holders[requests.client()] then
    error(self.kind .. ":release: another client holds it", 0)
  end
  if self.bound and self.permits + permits > self.bound then
    error(self.kind .. ":release: released more often than acquired", 0)
  end
  self.depth = self.depth - 1
  if self.is_recursive and self.depth > 0 then return end
  self.permits = self.permits + permits
  discharge(self, requests.client(), permits)
  requests.notify(self)
end

function Permits.blockers(self) return self.holders end

function Permits.locked(self) return self.permits == 0 end
function Permits.get_value(self) return self.permits end

function Permits.abandon(self, client)
  local taken = self.holders[client]
  self.holders[client] = nil
  if not taken then return end
  self.permits, self.abandoned = self.permits + taken, self.abandoned + taken
  requests.notify(self)
end

-- RWLock ----------------------------------------------------------------------------------------------

local RWLock, rwlock_meta = class("RWLock")

-- line: those that wait, in order; shares: how many each client has for reading.
local function new_rwlock()
  return setmetatable({
    kind = "RWLock", line = {}, shares = {}, readers = 0, writer = nil, was_abandoned = false,
  }, rwlock_meta)
end

local function is_free_for(self, me)
  return self.line[1] == me and not self.writer and (me.use == "read" or self.readers == 0)
end

local function leave_line(self, me)
  for i, other in ipairs(self.line) do
    if other == me then table.remove(self.line, i) end
  end
  requests.notify(self)
end

-- Raises where only the client itself could end its wait.
local function refuse_own(self, me, ends)
  local where = "RWLock:acquire_" .. me.use .. ": the caller holds it for "
  local share = self.shares[me.client]
  if share and me.use == "write" then error(where .. "reading already: release_read first", 0) end
  if ends < math.huge then return end
  if self.writer == me.client then error(where .. "writing already: it would wait for ever", 0) end
  if share and self.line[1] then
    error(where .. "reading already, and a writer waits: it would wait for ever", 0)
  end
end

-- Whether f(…) raises, and what.
local function refused(f, ...)
  local ok, err = pcall(f, ...)
  return not ok, err
end

local function acquire(self, use, ends)
  local me = { client = requests.client(), use = use }
  refuse_own(self, me, ends)
  table.insert(self.line, me)
  local is_watched = ends == math.huge and not is_free_for(self, me)
  local is_refused, refusal
  if is_watched then is_refused, refusal = refused(deadlocks.begin, "RWLock:acquire_" .. use, self, me) end
  local why = not is_refused and wait_until(self, function() return is_free_for(self, me) end, ends)
  if is_watched then deadlocks.finish() end
  leave_line(self, me)
  if is_refused then error(refusal, 0) end
  if why then return nil, why end
  if use == "write" then
    self.writer = me.client
  else
    self.readers, self.shares[me.client] = self.readers + 1, (self.shares[me.client] or 0) + 1
  end
  local was_abandoned = self.was_abandoned
  self.was_abandoned = false
  if was_abandoned then return true, "abandoned" end
  return true
end

-- The writer, the readers for one that writes, and the first in line.
function RWLock.blockers(self, me)
  local set = {}
  if self.writer then set[self.writer] = true end
  if me.use == "write" then
    for client in pairs(self.shares) do set[client] = true end
  end
  if self.line[1] ~= me then set[self.line[1].client] = true end
  return set
end

function RWLock.acquire_read(self, timeout, more) return acquire(self, "read", acquire_end(timeout, more)) end
function RWLock.acquire_write(self, timeout, more) return acquire(self, "write", acquire_end(timeout, more)) end

function RWLock.release_read(self)
  local client = requests.client()
  local share = self.shares[client]
  if not share then error("RWLock:release_read: not held for reading", 0) end
  self.readers, self.shares[client] = self.readers - 1, share > 1 and share - 1 or nil
  requests.notify(self)
end

function RWLock.release_write(self)
  if not self.writer then error("RWLock:release_write: not held for writing", 0) end
  if self.writer ~= requests.client() then error("RWLock:release_write: another one holds it for writing", 0) end
  self.writer = nil
  requests.notify(self)
end

function RWLock.abandon(self, client)
  for i = #self.line, 1, -1 do
    if self.line[i].client == client then table.remove(self.line, i) end
  end
  self.readers, self.shares[client] = self.readers - (self.shares[client] or 0), nil
  if self.writer == client then self.writer, self.was_abandoned = nil, true end
  requests.notify(self)
end

-- Event, Condition, Barrier ---------------------------------------------------------------------------

local Event, event_meta = class("Event")

function Event.set(self)
  self.is_on, self.sets = true, self.sets + 1
  requests.notify(self)
end
function Event.clear(self) self.is_on = false end
function Event.is_set(self) return self.is_on end
function Event.wait(self, timeout)
  local sets = self.sets
  local why = wait_until(self, function(e) return e.is_on or e.sets > sets end, until_when(timeout))
  if why then return nil, why end
  return true
end

local Condition, condition_meta = class("Condition")

function Condition.acquire(self, ...) return self.lock:acquire(...) end
function Condition.release(self) self.lock:release() end

local function check_held(self, method)
  if not self.lock.holders[requests.client()] then error("Condition:" .. method .. ": the lock is not held", 0) end
end

function Condition.wait(self, timeout)
  check_held(self, "wait")
  local ends = until_when(timeout)
  local me, depth = { is_told = false, client = requests.client() }, self.lock.depth
  table.insert(self.line, me)
  self.lock.depth = 1
  self.lock:release()
  local why = wait_until(self, function() return me.is_told end, ends)
  for i, other in ipairs(self.line) do
    if other == me then table.remove(self.line, i) end
  end
  self.lock:acquire()
  self.lock.depth = depth
  if why then return nil, why end
  return true
end

function Condition.notify(self, many)
  check_held(self, "notify")
  for _ = 1, math.min(many or 1, #self.line) do table.remove(self.line, 1).is_told = true end
  requests.notify(self)
end

function Condition.notify_all(self) Condition.notify(self, #self.line) end

function Condition.abandon(self, client)
  for i = #self.line, 1, -1 do
    if self.line[i].client == client then table.remove(self.line, i) end
  end
  self.lock:abandon(client)
end

local Barrier, barrier_meta = class("Barrier")

local function break_round(self)
  self.broken, self.round.outcome, self.n_waiting = true, "broken", 0
  requests.notify(self)
end

function Barrier.wait(self, timeout)
  if self.broken then return nil, "broken" end
  local round, index = self.round, self.n_waiting + 1
  self.n_waiting = index
  if index == self.parties then
    self.round, self.n_waiting, round.outcome = {}, 0, "open"
    requests.notify(self)
    return index
  end
  self.here[requests.client()] = (self.here[requests.client()] or 0) + 1
  local why = wait_until(self, function() return round.outcome end, until_when(timeout or self.timeout))
  self.here[requests.client()] = nil
  if why and not round.outcome then break_round(self) end
  if why then return nil, why end
  if round.outcome == "broken" then return nil, "broken" end
  return index
end

function Barrier.abort(self) break_round(self) end
function Barrier.reset(self)
  self.round.outcome = "broken"
  requests.notify(self)
  self.broken, self.round, self.n_waiting = false, {}, 0
end
function Barrier.abandon(self, client)
  if self.here[client] then break_round(self) end
  self.here[client] = nil
end

-- Values ----------------------------------------------------------------------------------------------

local Value, value_meta = class("Value")

function Value.add(self, n)
  self.value = self.value + n
  return self.value
end
function Value.cas(self, old, new)
  if self.value ~= old then return false end
  self.value = new
  return true
end
function Value.exchange(self, new)
  local old = self.value
  self.value = new
  return old
end

-- Factories -------------------------------------------------------------------------------------------

local function permits_of(kind)
  return function(permits)
    permits = permits == nil and 1 or permits
    if type(permits) ~= "number" or permits < 0 or permits % 1 ~= 0 then
      error(kind .. ": a whole number of permits, 0 or more, expected, got " .. tostring(permits), 0)
    end
    return new_permits(kind, permits)
  end
end

local function copy_into(result, source, where)
  if source == nil then return result end
  if type(source) ~= "table" then error(where .. ": a table expected, got " .. type(source), 0) end
  for key, value in pairs(source) do result[key] = value end
  return result
end

objects.factories = {
  dict = function(source) return copy_into({}, source, "dict"), "dict" end,
  list = function(source) return copy_into({}, source, "list"), "list" end,
  Namespace = function(source) return copy_into({}, source, "Namespace"), "Namespace" end,
  Array = function(_, source)
    if type(source) == "table" then return copy_into({}, source, "Array"), "list" end
    local list = {}
    for i = 1, source do list[i] = 0 end
    return list, "list"
  end,
  Value = function(_, initial) return setmetatable({ value = initial or 0 }, value_meta) end,
  Queue = new_queue,
  JoinableQueue = new_queue,
  Event = function() return setmetatable({ is_on = false, sets = 0 }, event_meta) end,
  Condition = function() return setmetatable({ lock = new_permits("RLock", 1), line = {} }, condition_meta) end,
  Barrier = function(parties, timeout)
    if type(parties) ~= "number" or parties < 1 or parties % 1 ~= 0 then
      error("Barrier: parties: a whole number, 1 or more, expected, got " .. tostring(parties), 0)
    end
    local _, why = checks.read_timeout(timeout)
    if why then error("Barrier: " .. why, 0) end
    return setmetatable({ parties = parties, timeout = timeout, n_waiting = 0, broken = false, round = {}, here = {} },
      barrier_meta)
  end,
}

-- Those of the kinds of locks that are acquired.
local by_holding = {
  one = function(kind)
    return function() return new_permits(kind, 1) end
  end,
  permits = permits_of,
}
by_holding.recursive, by_holding.bounded = by_holding.one, permits_of
by_holding.shared = function() return new_rwlock end
for _, kind in ipairs(locks.kinds) do
  local new = by_holding[kind.holds]
  if new then objects.factories[kind.name] = new(kind.name) end
end

-- Methods of plain tables -----------------------------------------------------------------------------

-- The results of a method are sent as copies.
local dict = {}
function dict.get(self, key, default)
  local value = self[key]
  if value == nil then return default end
  return value
end
function dict.set(self, key, value) self[key] = value end
function dict.has(self, key) return self[key] ~= nil end
function dict.keys(self)
  local list = {}
  for key in pairs(self) do list[#list + 1] = key end
  return list
end
function dict.values(self)
  local list = {}
  for _, value in pairs(self) do list[#list + 1] = value end
  return list
end
function dict.items(self)
  local list = {}
  for key, value in pairs(self) do list[#list + 1] = { key, value } end
  return list
end
function dict.pop(self, key, default)
  local value = self[key]
  self[key] = nil
  if value == nil then return default end
  return value
end
function dict.clear(self)
  for key in pairs(self) do self[key] = nil end
end
function dict.copy(self) return self end
function dict.len(self)
  local n = 0
  for _ in pairs(self) do n = n + 1 end
  return n
end
-- update(f, …) → the results of f(object, …), which runs on the server with no other request in between;
-- update(table) adds the pairs of a table
function dict.update(self, change, ...)
  if type(change) == "table" then
    for key, value in pairs(change) do self[key] = value end
    return
  end
  return change(self, ...)
end

local list = { get = dict.get, set = dict.set, clear = dict.clear, items = dict.items, update = dict.update }
list.copy, list.values = dict.copy, dict.copy
function list.len(self) return #self end
function list.append(self, value) self[#self + 1] = value end
function list.extend(self, values)
  for _, value in ipairs(values) do self[#self + 1] = value end
end
function list.insert(self, i, value) table.insert(self, i, value) end
function list.pop(self, i) return table.remove(self, i) end
list.remove = list.pop
function list.sort(self, is_less) table.sort(self, is_less) end
function list.concat(self, separator) return table.concat(self, separator) end

objects.methods = { dict = dict, list = list, Namespace = dict, table = setmetatable({}, {
  __index = function(_, name) return dict[name] or list[name] end,
}) }

return objects
