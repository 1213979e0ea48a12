-- SPDX-License-Identifier: MIT
-- The objects of a manager's server that are more than plain tables (manager/tables.lua): queues, locks, numbers.
--
-- All requests run in one thread of one VM. A request that has to wait does so in `wait_on`, and continues after
-- `notify` for the object, or at its timeout. client() is the client of the request. When a client's connection ends,
-- the server calls `abandon` of each of these objects, which returns what the client held.
--
-- Clients reach the methods of these objects, called on the object, and the fields that their class shows. All else is
-- the server's own: it leads to the connections of other clients.
local require, native = ...

local checks = require("core.checks")
local locks = require("locks.locks")
local deadlocks = require("manager.deadlocks")
local memory = require("memory.memory")
local queues = require("queues.queues")
local refusals = require("manager.refusals")
local requests = require("manager.requests")

local expect = refusals.expect

local objects = {}

local classes = {} -- by the metatables of the classes below: their methods and what else can be asked of an object

-- access: get(self, key) → a field, nil without one; set(self, key, value); len(self); pairs(self) → list of pairs. A
-- class that lacks one refuses the use. An object's `kind` is its name for the script.
local function class(access)
  local methods = {}
  local meta = { __index = methods }
  classes[meta] = { methods = methods, access = access or {} }
  return methods, meta
end

local function class_of(value) return type(value) == "table" and classes[getmetatable(value)] or nil end

function objects.is_own(value) return class_of(value) ~= nil end

-- What the script calls an object of the classes below; nil: it is a value of the script.
function objects.kind_of(value) return class_of(value) and value.kind end

-- The methods of an object of the classes below; nil: it is a value of the script.
local function methods_of(value)
  local its_class = class_of(value)
  return its_class and its_class.methods
end

local OF_THE_SERVER = { abandon = true, blockers = true } -- methods that have clients as arguments or results

-- A method that clients may call on an object of the classes below; nil: there is none.
function objects.method_of(value, name) return not OF_THE_SERVER[name] and methods_of(value)[name] or nil end

-- One of the ways to reach what is in an object of the classes below.
function objects.access(value, way, ...)
  local f = class_of(value).access[way]
  if f then return f(value, ...) end
  local what = { set = "has no fields to assign", len = "has no length", pairs = "has no pairs" }
  if what[way] then refusals.fail(value.kind .. ": it " .. what[way]) end
end

local function fields(names)
  return { get = function(self, key) return names[key] and self[key] end }
end

-- Returns what the client, whose connection has ended, held of the object.
function objects.abandon(value, client)
  local methods = methods_of(value)
  if methods and methods.abandon then methods.abandon(value, client) end
end

-- As those of locks/locks.lua.
local MOST_PERMITS, MOST_PARTIES = locks.MOST_PERMITS, locks.MOST_PARTIES

local function until_when(timeout, where)
  local seconds = refusals.timeout(timeout, where)
  return seconds and native.time() + seconds or math.huge
end

-- Waits until is_ready(self); nil, or "timeout".
local function wait_until(self, is_ready, ends)
  while not is_ready(self) do
    if native.time() >= ends or requests.wait_on(self, ends) then return "timeout" end
  end
end

-- Queues ----------------------------------------------------------------------------------------------

local Queue, queue_meta = class(fields({ maxsize = true }))

local function new_queue(kind)
  return function(maxsize)
    refusals.call(queues.check_maxsize, kind, maxsize)
    return setmetatable({
      kind = kind, items = {}, first = 1, last = 0, maxsize = maxsize or 0, open = 0, is_closed = false,
    }, queue_meta)
  end
end

local function count(self) return self.last - self.first + 1 end
local function has_room(self) return self.is_closed or self.maxsize == 0 or count(self) < self.maxsize end
local function has_item(self) return self.is_closed or count(self) > 0 end

local NIL = {} -- stands for nil among the items

function Queue.put(self, ...)
  expect(select("#", ...) > 0, self.kind .. ":put", "value expected")
  local value, timeout = ...
  local why = wait_until(self, has_room, until_when(timeout, self.kind .. ":put"))
  if why then return nil, timeout == 0 and "full" or why end
  if self.is_closed then return nil, "closed" end
  self.last = self.last + 1
  self.items[self.last], self.open = value == nil and NIL or value, self.open + 1
  requests.notify(self)
  return true
end

function Queue.get(self, timeout)
  local why = wait_until(self, has_item, until_when(timeout, self.kind .. ":get"))
  if why then return nil, timeout == 0 and "empty" or why end
  if count(self) == 0 then return nil, "closed" end
  local value = self.items[self.first]
  self.items[self.first] = nil
  if self.priorities then self.priorities[self.first] = nil end
  self.first = self.first + 1
  requests.notify(self)
  if value == NIL then return nil end
  return value
end

function Queue.put_nowait(self, ...)
  expect(select("#", ...) > 0, self.kind .. ":put_nowait", "value expected")
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
  expect(self.open > count(self), self.kind .. ":task_done", "called more often than get")
  self.open = self.open - 1
  requests.notify(self)
end

function Queue.join(self, timeout)
  local why = wait_until(self, function(q) return q.open == 0 end, until_when(timeout, self.kind .. ":join"))
  if why then return nil, why end
  return true
end

-- The smallest priority first (queues/priority.h).
local PriorityQueue, priority_meta = class(fields({ maxsize = true }))
for name, method in pairs(Queue) do PriorityQueue[name] = method end

local PRIORITY_OPTIONS = { priority = true, timeout = true }

local function is_priority(value) return type(value) == "string" or (type(value) == "number" and value == value) end

local function priority_of(value, given, where)
  if given ~= nil then
    expect(is_priority(given), where, "priority: a number or a string expected, got " .. checks.show(given))
    return given
  end
  if type(value) == "table" then value = value[1] end
  expect(is_priority(value), where, "argument 1: a number, a string, or a list that begins with one expected, got "
    .. checks.show(value) .. "; for another item, give { priority = … } as argument 2")
  return value
end

local function is_before(a, b)
  if type(a) ~= type(b) then return type(a) == "number" end
  return a < b
end

-- The item that Queue.put has put last goes to its place.
local function sort_in(self, priority)
  local items, priorities, at = self.items, self.priorities, self.last
  local item = items[at]
  while at > self.first and is_before(priority, priorities[at - 1]) do
    items[at], priorities[at] = items[at - 1], priorities[at - 1]
    at = at - 1
  end
  items[at], priorities[at] = item, priority
end

function PriorityQueue.put(self, ...)
  expect(select("#", ...) > 0, "PriorityQueue:put", "value expected")
  local value, options = ...
  if type(options) ~= "table" then options = { timeout = options } end
  refusals.call(checks.check_options, options, PRIORITY_OPTIONS, "PriorityQueue:put")
  local priority = priority_of(value, options.priority, "PriorityQueue:put")
  local put, why = Queue.put(self, value, options.timeout)
  if put then sort_in(self, priority) end
  return put, why
end

function PriorityQueue.put_nowait(self, ...)
  expect(select("#", ...) > 0, "PriorityQueue:put_nowait", "value expected")
  local value, options = ...
  local priority = type(options) == "table" and options.priority or nil
  return PriorityQueue.put(self, value, { priority = priority, timeout = 0 })
end

-- Locks and semaphores --------------------------------------------------------------------------------

local Permits, permits_meta = class()

-- holders: client → its permits. depth: how often the holder of a recursive lock has acquired it.
local function new_permits(kind, permits)
  local holds = locks.kinds[kind].holds
  return setmetatable({
    kind = kind, permits = permits, bound = holds ~= "permits" and permits or nil,
    holders = {}, depth = 0, abandoned = 0,
    is_lock = holds == "one" or holds == "recursive", is_recursive = holds == "recursive",
  }, permits_meta)
end

local function acquire_end(timeout, more, where)
  if type(timeout) ~= "boolean" then return until_when(timeout, where) end
  return until_when(timeout and more or (not timeout and 0 or nil), where)
end

-- owner: the name of what the lock belongs to, for errors
function Permits.acquire(self, timeout, more, owner)
  local client = requests.client()
  local ends = acquire_end(timeout, more, (owner or self.kind) .. ":acquire")
  if self.is_recursive and self.holders[client] then
    self.depth = self.depth + 1
    return true
  end
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

function Permits.release(self, permits, owner)
  local where = (owner or self.kind) .. ":release"
  permits = permits == nil and 1 or permits
  expect(checks.is_whole(permits, 1, MOST_PERMITS), where,
    "argument 1: a whole number, 1 or more, expected, got " .. checks.show(permits))
  expect(not self.is_lock or self.permits == 0, where, "nobody holds it")
  expect(not self.is_recursive or self.holders[requests.client()], where, "another client holds it")
  expect(not self.bound or self.permits + permits <= self.bound, where, "released more often than acquired")
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

local RWLock, rwlock_meta = class()

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
  if share and me.use == "write" then refusals.fail(where .. "reading already: release_read first") end
  if ends < math.huge then return end
  if self.writer == me.client then refusals.fail(where .. "writing already: it would wait for ever") end
  if share and self.line[1] then
    refusals.fail(where .. "reading already, and a writer waits: it would wait for ever")
  end
end

-- Whether f(…) raises, and what.
local function refused(f, ...)
  local ok, err = pcall(f, ...)
  return not ok, err
end

local function acquire(self, use, timeout, more)
  local ends = acquire_end(timeout, more, "RWLock:acquire_" .. use)
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

function RWLock.acquire_read(self, timeout, more) return acquire(self, "read", timeout, more) end
function RWLock.acquire_write(self, timeout, more) return acquire(self, "write", timeout, more) end

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

function RWLock.release_read(self)
  local client = requests.client()
  local share = self.shares[client]
  expect(share, "RWLock:release_read", "not held for reading")
  self.readers, self.shares[client] = self.readers - 1, share > 1 and share - 1 or nil
  requests.notify(self)
end

function RWLock.release_write(self)
  expect(self.writer, "RWLock:release_write", "not held for writing")
  expect(self.writer == requests.client(), "RWLock:release_write", "another one holds it for writing")
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

local Event, event_meta = class()

function Event.set(self)
  self.is_on, self.sets = true, self.sets + 1
  requests.notify(self)
end
function Event.clear(self) self.is_on = false end
function Event.is_set(self) return self.is_on end
function Event.wait(self, timeout)
  local sets = self.sets
  local why = wait_until(self, function(e) return e.is_on or e.sets > sets end, until_when(timeout, "Event:wait"))
  if why then return nil, why end
  return true
end

local Condition, condition_meta = class()

function Condition.acquire(self, timeout, more) return self.lock:acquire(timeout, more, "Condition") end
function Condition.release(self) self.lock:release(1, "Condition") end

local function check_held(self, where) expect(self.lock.holders[requests.client()], where, "the lock is not held") end

function Condition.wait(self, timeout)
  local ends = until_when(timeout, "Condition:wait")
  check_held(self, "Condition:wait")
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

local function notify(self, most)
  for _ = 1, math.min(most, #self.line) do table.remove(self.line, 1).is_told = true end
  requests.notify(self)
end

function Condition.notify(self, most)
  expect(most == nil or (type(most) == "number" and most >= 1), "Condition:notify",
    "a number of waiters, 1 or more, expected, got " .. checks.show(most))
  check_held(self, "Condition:notify")
  notify(self, most or 1)
end

function Condition.notify_all(self)
  check_held(self, "Condition:notify_all")
  notify(self, math.huge)
end

function Condition.abandon(self, client)
  for i = #self.line, 1, -1 do
    if self.line[i].client == client then table.remove(self.line, i) end
  end
  self.lock:abandon(client)
end

local Barrier, barrier_meta = class(fields({ parties = true, n_waiting = true, broken = true }))

local function break_round(self)
  self.broken, self.round.outcome, self.n_waiting = true, "broken", 0
  requests.notify(self)
end

function Barrier.wait(self, timeout)
  if timeout == nil then timeout = self.timeout end
  local ends = until_when(timeout, "Barrier:wait")
  if self.broken then return nil, "broken" end
  local round, index = self.round, self.n_waiting + 1
  self.n_waiting = index
  if index == self.parties then
    self.round, self.n_waiting, round.outcome = {}, 0, "open"
    requests.notify(self)
    return index
  end
  self.here[requests.client()] = (self.here[requests.client()] or 0) + 1
  local why = wait_until(self, function() return round.outcome end, ends)
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

-- Numbers: a Value and an Array of this VM (memory/memory.lua), which check types and bounds ----------------------

local call = refusals.call

local function read_field(self, key) return self[key] end
local function assign_field(self, key, value) self[key] = value end

-- A refusal of a method in C, which counts the handle among its arguments, and does not know the client's call.
local function pass(where, ok, ...)
  if ok then return ... end
  refusals.fail((checks.bare((...)):gsub("^argument (%d+)", function(place)
    return ("%s: argument %d"):format(where, place - 1)
  end)))
end

local function call_method(self, name, ...)
  return pass(self.kind .. ":" .. name, pcall(self.cells[name], self.cells, ...))
end

-- cells: the handle. names: its methods that clients have.
local function class_of_numbers(access, names)
  local methods, meta = class(access)
  for name in names:gmatch("%S+") do
    methods[name] = function(self, ...) return call_method(self, name, ...) end
  end
  return methods, meta
end

local _, value_meta = class_of_numbers({
  get = function(self, key) return key == "value" and self.cells.value or nil end,
  set = function(self, key, value) call(assign_field, self.cells, key, value) end,
}, "add cas exchange max min type")

local Array, array_meta = class_of_numbers({
  get = function(self, key)
    local index = tonumber(key)
    if index and checks.is_whole(index, 1, #self.cells) then return call(read_field, self.cells, index) end
  end,
  set = function(self, key, value) call(assign_field, self.cells, key, value) end,
  len = function(self) return #self.cells end,
  pairs = function(self) return self:items() end,
}, "slice bytes add cas exchange max min")

function Array.len(self) return #self.cells end
function Array.values(self) return self.cells:slice() end
function Array.items(self)
  local list = self.cells:slice()
  for i, x in ipairs(list) do list[i] = { i, x } end
  return list
end
function Array.get(self, index) return call(read_field, self.cells, index) end
function Array.set(self, index, x) call(assign_field, self.cells, index, x) end
function Array.fill(self, ...) call_method(self, "fill", ...) end
-- copy(source, at) as that of an Array; without a source the elements, as copy of a list.
function Array.copy(self, ...)
  if select("#", ...) == 0 then return self.cells:slice() end
  call_method(self, "copy", ...)
end

-- Factories -------------------------------------------------------------------------------------------

local function permits_of(kind)
  return function(permits)
    permits = permits == nil and 1 or permits
    expect(checks.is_whole(permits, 0, MOST_PERMITS), kind,
      "a whole number of permits, 0 or more, expected, got " .. checks.show(permits))
    return new_permits(kind, permits)
  end
end

local function new_barrier(parties, timeout)
  expect(checks.is_whole(parties, 1, MOST_PARTIES), "Barrier",
    ("parties: a whole number from 1 to %d expected, got %s"):format(MOST_PARTIES, checks.show(parties)))
  refusals.timeout(timeout, "Barrier")
  return setmetatable({
    kind = "Barrier", parties = parties, timeout = timeout, n_waiting = 0, broken = false, round = {}, here = {},
  }, barrier_meta)
end

local function numbers_of(kind, meta)
  return function(element, ...)
    expect(type(element) ~= "table", kind, "type: a name expected, got a table: a manager has no structures")
    return setmetatable({ kind = kind, cells = call(memory[kind], element, ...) }, meta)
  end
end

objects.factories = {
  Array = numbers_of("Array", array_meta),
  Value = numbers_of("Value", value_meta),
  Queue = new_queue("Queue"),
  JoinableQueue = new_queue("JoinableQueue"),
  PriorityQueue = function(maxsize)
    local queue = setmetatable(new_queue("PriorityQueue")(maxsize), priority_meta)
    queue.priorities = {}
    return queue
  end,
  Event = function() return setmetatable({ kind = "Event", is_on = false, sets = 0 }, event_meta) end,
  Condition = function()
    return setmetatable({ kind = "Condition", lock = new_permits("RLock", 1), line = {} }, condition_meta)
  end,
  Barrier = new_barrier,
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

return objects
