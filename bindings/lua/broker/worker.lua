-- SPDX-License-Identifier: MIT
-- `manymoons worker`: fetches tasks of one pool or several (broker/service.lua) and gives them to a pool of
-- this machine. This VM runs no code of theirs.
--
-- Where several pools have tasks, each gets its share of the free slots: the next slot goes to the pool with the lowest
-- virtual time, which grows with each of its tasks by 1 / weight; one that had no tasks begins at the present
-- time. With `is_strict` the first of them that may have tasks gets all.
local require, native = ...

local hex = require("core.hex")
local waits = require("core.waits")
local new_log = require("broker.log")
local new_metrics = require("broker.metrics")
local new_reports = require("broker.reports")
local new_service = require("broker.service")
local broker = require("broker.settings")
local base = require("pool.dispatcher")
local pools = require("pool.pool")
local sandbox = require("worker.sandbox")

local time = native.time

local Worker = {}
Worker.__index = Worker

local STALL = 10
local PREFETCH, QUICK = 8, 0.002 -- tasks beyond those that run, for each slot, while a task takes less than so long
local SIGNALS_EVERY = 0.01
local FAREWELL = 2
local GROW, SHRINK = 1, 15 -- seconds

-- Fetching -----------------------------------------------------------------------------------------------------------

local function sum_of(self, field)
  local sum = 0
  for _, service in ipairs(self.services) do sum = sum + service.tasks[field] end
  return sum
end

local function is_quick(self)
  for _, service in ipairs(self.services) do
    local mean = service.tasks.mean
    if mean and mean >= QUICK then return false end
  end
  return sum_of(self, "done") > self.slots
end

local function has_to_choose(self)
  for _, service in ipairs(self.services) do
    if service.session:is_choosing() then return true end
  end
  return false
end

-- What was fetched ahead would run before tasks that are to go first.
local function capacity_of(self)
  if has_to_choose(self) or not is_quick(self) then return self.slots end
  return self.slots * (1 + PREFETCH)
end

-- How many tasks more it may have.
function Worker.room(self) return capacity_of(self) - sum_of(self, "in_hand") end

-- A task of the service takes a slot.
function Worker.note_taken(self, service)
  local start = math.max(service.passed, self.passed)
  self.passed, service.passed = start, start + 1 / service.weight
end

-- Shares `room` slots among the services that may have tasks: service → how many. It counts as note_taken does.
local function share(self, services, room)
  local counts, passed, now = {}, {}, self.passed
  for _, service in ipairs(services) do counts[service], passed[service] = 0, service.passed end
  for _ = 1, self.is_strict and 0 or room do
    local best
    for _, service in ipairs(services) do
      if not best or math.max(passed[service], now) < math.max(passed[best], now) then best = service end
    end
    now = math.max(passed[best], now)
    passed[best], counts[best] = now + 1 / best.weight, counts[best] + 1
  end
  if self.is_strict then counts[services[1]] = room end
  return counts
end

-- With each task that is done, any of them may have tasks again.
local function note_progress(self)
  local in_hand = sum_of(self, "in_hand")
  if in_hand < self.last_in_hand then
    for _, service in ipairs(self.services) do service.session:forget_emptiness() end
  end
  self.last_in_hand = in_hand
end

-- Takes tasks of those that may have some. When none of them has any, all wait for one.
local function fetch_shared(self, room)
  local having = {}
  for _, service in ipairs(self.services) do
    if service.is_connected and service.session:may_have_tasks() then having[#having + 1] = service end
    room = room - service:on_the_way()
  end
  if room < 1 then return end
  local counts = having[1] and share(self, having, room) or {}
  for _, service in ipairs(self.services) do
    local count = having[1] and (counts[service] or 0) or 1
    if service.is_connected and count > 0 and not service.session.is_taking then service:fetch(count) end
  end
end

-- A task that comes while there is no room would keep others waiting.
local function stop_waiting(self)
  for _, service in ipairs(self.services) do
    if service.is_connected and service.session.is_waiting then service.session:stop_fetching() end
  end
end

local function fetch(self)
  if self.is_leaving then return end
  if self.is_shared then note_progress(self) end
  local capacity, room = capacity_of(self), self:room()
  if room < 1 and self.is_shared then return stop_waiting(self) end
  if room < 1 or (capacity > self.slots and room < capacity / 4) then return end
  if self.is_shared then return fetch_shared(self, room) end
  local service = self.services[1]
  if service.is_connected then service:fetch(room) end
end

-- The end ------------------------------------------------------------------------------------------------------------

function Worker.begin_to_leave(self, is_urgent)
  if not self.is_leaving then
    self.is_leaving = true
    self.leave_by = time() + self.grace
    self.log("leaving", { running = sum_of(self, "running") })
    native.tell_service_manager("STOPPING=1")
    for _, service in ipairs(self.services) do
      service.next_tell = 0
      service.session:stop_fetching()
    end
  elseif is_urgent then
    self.leave_by = time()
  end
end

function Worker.take_signals(self)
  if time() < self.signals_at then return end
  self.signals_at = time() + SIGNALS_EVERY
  while native.read_signal(self.signals) > 0 do self:begin_to_leave(true) end
end

local function have_left(self)
  for _, service in ipairs(self.services) do
    if not service:has_left() then return false end
  end
  return true
end

-- True when there is nothing left to wait for.
function Worker.has_left(self)
  if not self.is_leaving then return false end
  if sum_of(self, "in_hand") > 0 and time() >= self.leave_by then
    for _, service in ipairs(self.services) do
      if service.is_connected then service.tasks:hand_back() end
    end
    self.farewell = self.farewell or time() + FAREWELL
  end
  if time() >= self.leave_by + FAREWELL then return true end
  return have_left(self)
end

-- The loop -----------------------------------------------------------------------------------------------------------

local function sleep(self, due)
  local results, _, workers = base.waitable(self.pool)
  local things = { results, self.poller:fileno() }
  local seconds = math.min(due or 1, 1, self.metrics:watch(things) or 1)
  if self.is_leaving then seconds = math.min(seconds, 0.05) end
  for _, service in ipairs(self.services) do
    if next(service.tasks.to_stop) then seconds = math.min(seconds, 0.05) end
    if next(service.tasks.waiting) or service.is_starved then seconds = math.min(seconds, 0.1) end
  end
  for _, worker in ipairs(workers) do things[#things + 1] = worker end
  waits.any(things, seconds, true)
end

-- The service manager (systemd) hears that the loop goes round.
local function tell_manager(self)
  if not self.watchdog then return 1 end
  local left = self.watched_at + self.watchdog - time()
  if left > 0 then return left end
  native.tell_service_manager("WATCHDOG=1")
  self.watched_at = time()
  return self.watchdog
end

local function set_slots(self, count)
  self.log("scaled", { slots = count })
  self.slots, self.full_since, self.peak, self.peak_since = count, nil, 0, time()
  base.resize(self.pool, count)
end

-- With a range of slots: twice as many once all of them have been busy for a second, and half as many once half of them
-- have not been needed for a while.
local function scale(self)
  if self.slots_least == self.slots_most then return 1 end
  local now, busy, slots = time(), sum_of(self, "in_hand"), self.slots
  if busy < slots then self.full_since = nil else self.full_since = self.full_since or now end
  self.peak = math.max(self.peak, busy)
  if self.full_since and now - self.full_since >= GROW and slots < self.slots_most then
    set_slots(self, math.min(self.slots_most, slots * 2))
  elseif now - self.peak_since >= SHRINK then
    local fewer = math.max(self.slots_least, math.ceil(slots / 2))
    if self.peak <= fewer and fewer < slots then set_slots(self, fewer) end
    self.peak, self.peak_since = busy, now
  end
  return GROW / 2
end

local function round(self)
  self:take_signals()
  local due = base.take_ready(self.pool)
  if base.has_ended(self.pool) then error("the workers cannot be started: " .. tostring(base.failure(self.pool)), 0) end
  for _, service in ipairs(self.services) do due = math.min(due or 1, service:work()) end
  due = math.min(due, self.reports:work() or 1, tell_manager(self), scale(self))
  self.metrics:step()
  fetch(self)
  for _, service in ipairs(self.services) do
    service.session:flush()
    service:tell()
  end
  if self:has_left() then return false end
  sleep(self, due)
  return true
end

local function serve(self)
  while round(self) do end
  for _, service in ipairs(self.services) do service:deregister(FAREWELL) end
end

local worker = {}

-- What each worker of the local pool does first. A sandboxed one gets no secrets.
local function opening_of(modules, secrets, password, queue)
  local mm = package.loaded.manymoons
  return function()
    mm._require("broker.current").set_queue(queue)
    local settings = mm._require("broker.settings")
    settings.set_default_secrets(secrets)
    if password ~= "" then settings.set_default_password(password) end
    for _, module in ipairs(modules or {}) do _G.require(module) end
  end
end

local function set_of(list)
  if not list then return nil end
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- Asks until the server answers; what it refuses is an error.
local function wait_for_server(self, service)
  local is_logged = false
  while true do
    local facts, why, kind = service.session:examine(STALL)
    if facts then return facts end
    if kind == "refused" then error(why, 0) end
    if not is_logged then self.log("waiting for the server", { broker = service.settings.shown, why = why }) end
    is_logged = true
    waits.any({ self.poller:fileno() }, 1, true)
    if native.read_signal(self.signals) > 0 then return nil end
  end
end

local function start_pool(self, options)
  self.reports = new_reports(self.services)
  self.pool = pools.class(options.world)({
    workers = options.slots.least, name = self.name, memory = options.memory,
    initializer = opening_of(options.imports, not options.sandbox and options.secrets or {},
      options.sandbox and "" or options.pools[1].settings.password, not options.sandbox and self.reports.queue or nil),
    maxtasksperchild = options.max_tasks,
    sandbox = options.sandbox and sandbox.with_modules(options.sandbox, options.imports or {}),
  })
  self.startup = time() - self.started
end

local function make_services(self, options)
  self.services, self.is_shared, self.is_strict = {}, #options.pools > 1, options.is_strict
  for i, pool in ipairs(options.pools) do
    local log = self.is_shared and new_log({ worker = self.name, pool = pool.name }) or self.log
    self.services[i] = new_service(self, i, pool, log)
  end
end

local function start(self, options)
  start_pool(self, options)
  options.import_set = set_of(options.imports)
  local names = {}
  for i, service in ipairs(self.services) do
    service:start(options)
    names[i] = service.name
  end
  self.log("started", {
    broker = options.pools[1].settings.shown, pool = table.concat(names, ","), slots = self.slots,
    metrics = options.metrics and self.metrics:listen(options.metrics) or nil, world = options.world,
    abi = broker.abi(), is_signed = options.secrets[1] ~= nil,
  })
  native.tell_service_manager("READY=1")
end

-- Half of the seconds in which systemd wants to hear of the worker (WatchdogSec=); nil: it does not.
local function watchdog_seconds()
  local microseconds = tonumber(native.environment("WATCHDOG_USEC") or "")
  local pid = native.environment("WATCHDOG_PID")
  if not microseconds or microseconds <= 0 or (pid and tonumber(pid) ~= native.pid()) then return nil end
  return microseconds / 2e6
end

-- options: pools (a list of { name, weight, settings }), is_strict, secrets, slots ({ least, most }), imports (a list),
-- takes_json, lease, grace, max_tasks, task_timeout, memory, world, name, sandbox (as the option of a pool), metrics
-- (an address)
function worker.run(options)
  local host = native.machine().name or "localhost"
  local self = setmetatable({
    secrets = options.secrets, slots = options.slots.least, slots_least = options.slots.least,
    slots_most = options.slots.most, peak = 0, peak_since = time(), watchdog = watchdog_seconds(), watched_at = time(),
    lease_seconds = options.lease, grace = options.grace,
    world = options.world, host = host, started = time(), passed = 0, last_in_hand = 0,
    name = options.name or string.format("%s:%d:%s", host, native.pid(), hex(native.random_bytes(3))),
    poller = assert(native.poller_new()), signals = assert(native.signal_descriptor()), signals_at = 0,
  }, Worker)
  self.poller:keep(self.signals)
  self.log = new_log({ worker = self.name })
  self.metrics = new_metrics(self)
  make_services(self, options)
  local facts = wait_for_server(self, self.services[1])
  if not facts then return end
  if not facts.is_durable then
    self.log("warning", { why = "the server keeps nothing on disk (appendonly no): what it has is lost when it ends" })
  end
  start(self, options)
  local ok, why = xpcall(serve, debug.traceback, self)
  for _, service in ipairs(self.services) do service.lease:close() end
  self.metrics:close()
  self.pool:terminate()
  if not ok then error(why, 0) end
  self.log("left", { done = sum_of(self, "done") })
end

return worker
