-- SPDX-License-Identifier: MIT
-- `manymoons worker`: fetches tasks and gives them to a pool of this machine. This VM runs no code
-- of theirs.
--
-- Leases are renewed by a thread of their own (broker/backend.lua: Lease). When the session breaks
-- it is opened again, outcomes that were not confirmed are sent again, and running tasks continue.
--
-- Leases run out while no worker can reach the server. So nothing is reclaimed for one lease after
-- the session was opened.
local require, native = ...

local hex = require("core.hex")
local json = require("core.json")
local waits = require("core.waits")
local attempts = require("broker.attempts")
local backoff = require("broker.backoff")
local codec = require("broker.codec")
local schedules = require("broker.schedules")
local broker = require("broker.settings")
local new_tasks = require("broker.tasks")
local base = require("pool.dispatcher")
local pools = require("pool.pool")
local sandbox = require("worker.sandbox")

local time = native.time

local Worker = {}
Worker.__index = Worker

local STALL, FIRST_PAUSE, LONGEST_PAUSE, CONNECT = 10, 0.1, 2, 2
local PREFETCH, QUICK = 8, 0.002 -- tasks beyond those that run, for each slot, while a task takes less than so long
local SIGNALS_EVERY = 0.01
local FAREWELL = 2

-- Log: lines of JSON on stderr ---------------------------------------------------------------------------------------

local function logger(name)
  return function(event, about)
    local line = { at = os.date("!%Y-%m-%dT%H:%M:%SZ"), event = event, worker = name }
    for key, value in pairs(about or {}) do line[key] = value end
    io.stdout:flush()
    io.stderr:write(native.printable(json.encode(line), "json"), "\n")
  end
end

local function describe(self)
  local now, tasks = time(), self.tasks
  local seconds = now - (self.told or self.started)
  local text = json.encode({
    host = self.host, pid = native.pid(), slots = self.slots, abi = broker.abi(), lua = _VERSION,
    version = native.version, world = self.world, up = now - self.started, startup = self.startup,
    running = tasks.running, done = tasks.done, failed = tasks.failed, lost = tasks.lost, busy = tasks.busy,
    rate = seconds > 0 and (tasks.done - (self.told_done or 0)) / seconds or 0, p50 = tasks:percentile(0.5),
    p99 = tasks:percentile(0.99), lease = self.lease_seconds, is_leaving = self.is_leaving or false,
  })
  self.told, self.told_done, self.next_tell = now, tasks.done, now + self.lease_seconds / 3
  return text
end

function Worker.tell(self)
  if time() >= self.next_tell then self.lease:tell(describe(self)) end
end

-- The session --------------------------------------------------------------------------------------------------------

function Worker.disconnect(self, why)
  self.session:close(why)
  if self.is_connected then self.log("disconnected", { why = why }) end
  self.is_connected = false
  self.pause = backoff(self.pause, FIRST_PAUSE, LONGEST_PAUSE)
  self.retry_at = time() + self.pause
end

function Worker.connect(self)
  local opened, why = self.session:open(CONNECT)
  if not opened then return self:disconnect(why) end
  if self.pause then self.log("connected", {}) end
  self.is_connected, self.pause, self.is_starved = true, nil, false
  self.reap_at = time() + self.lease_seconds
  self.tasks:note_opened()
end

function Worker.read(self)
  local has_read, why = self.session:read()
  if has_read == nil then self:disconnect(why) end
end

-- Fetching -----------------------------------------------------------------------------------------------------------

local function capacity_of(self)
  local mean = self.tasks.mean
  if mean and mean < QUICK and self.tasks.done > self.slots then return self.slots * (1 + PREFETCH) end
  return self.slots
end

function Worker.fetch(self)
  self.is_starved = false
  if self.is_leaving then return end
  local capacity = capacity_of(self)
  local room = capacity - self.tasks.in_hand
  if room < 1 or (capacity > self.slots and room < capacity / 4) then return end
  self.is_starved = not self.session:fetch(room)
end

-- Outcomes that are ready go first: the server reads them with the question.
function Worker.talk(self)
  self.tasks:send_outcomes()
  self:fetch()
  self.session:flush()
end

-- Lost tasks ---------------------------------------------------------------------------------------------------------

local function log_requeued(self, task, what, failure)
  if what == "gone" then return end
  self.log("requeued", { task = task.client .. ":" .. task.seq, outcome = what, failure = failure })
end

local function give_back(self, task, losses)
  if losses == 0 then
    return self.session:again(task, { attempts = 0, pause = 0, has_place = task.has_place }, function() end)
  end
  local outcome = attempts.outcome_of_lost(self.tasks, task)
  if not outcome.pause then return self.session:ack(task, outcome) end
  self.session:again(task, outcome, function(...) log_requeued(self, task, ...) end)
end

-- One that came as JSON has a record before it may go back: its first worker may have died before it made one.
local function nack_posted(self, task, losses)
  if not task.json then return give_back(self, task, losses) end
  self.session:is_open(task, function(is_open)
    if is_open then give_back(self, task, losses) elseif is_open == false then self.session:ack(task) end
  end)
end

-- Back to the server, once more than before if it was lost; or a dead letter.
function Worker.nack(self, task, losses)
  if task.is_posted then return nack_posted(self, task, losses) end
  local retries = (codec.decode_flags(task.flags) or { retries = 0 }).retries
  local why = "the task was lost " .. retries + 1 .. " times: its worker died, or could not be reached"
  local payload = codec.encode_failure({ kind = "died", message = why, worker = self.name })
  local outcome = {
    kind = "v:0", payload = payload, why = why, worker = self.name,
    mac = codec.sign_result(self.secrets, self.pool_name, task, "v:0", payload),
  }
  self.session:nack(task, losses, retries, outcome, losses > 0 and function(...)
    log_requeued(self, task, ...)
  end or nil)
end

function Worker.reap(self)
  if time() < self.reap_at then return end
  self.reap_at = time() + self.lease_seconds / 3
  self.session:reclaim(self.lease_seconds, function(task)
    if not self.tasks.open[task.id] then self:nack(task, 1) end
  end)
end

function Worker.take_news(self)
  while true do
    local what, id = self.lease:news()
    if not what then return end
    self.tasks:note_lost(id, what)
  end
end

-- The end ------------------------------------------------------------------------------------------------------------

function Worker.begin_to_leave(self, is_urgent)
  if not self.is_leaving then
    self.is_leaving, self.next_tell = true, 0
    self.leave_by = time() + self.grace
    self.log("leaving", { running = self.tasks.running })
    self.session:stop_fetching()
  elseif is_urgent then
    self.leave_by = time()
  end
end

function Worker.take_signals(self)
  if time() < self.signals_at then return end
  self.signals_at = time() + SIGNALS_EVERY
  while native.read_signal(self.signals) > 0 do self:begin_to_leave(true) end
end

-- True when there is nothing left to wait for.
function Worker.has_left(self)
  if not self.is_leaving then return false end
  if self.tasks.in_hand > 0 and time() >= self.leave_by then
    if self.is_connected then self.tasks:hand_back() end
    self.farewell = self.farewell or time() + FAREWELL
  end
  if time() >= self.leave_by + FAREWELL then return true end
  return self.tasks.count == 0 and self.session:is_idle()
end

-- The loop -----------------------------------------------------------------------------------------------------------

local function sleep(self, due)
  local seconds = math.min(due or 1, 1, math.max(0, self.reap_at - time()))
  if not self.is_connected then seconds = math.min(due or 1, math.max(0, self.retry_at - time())) end
  if self.is_leaving or next(self.tasks.to_stop) then seconds = math.min(seconds, 0.05) end
  if next(self.tasks.waiting) or self.is_starved then seconds = math.min(seconds, 0.1) end
  local results, _, workers = base.waitable(self.pool)
  local things = { results, self.poller:fileno() }
  for _, worker in ipairs(workers) do things[#things + 1] = worker end
  waits.any(things, seconds, true)
end

local function round(self)
  self:take_signals()
  local due = base.take_ready(self.pool)
  if base.has_ended(self.pool) then error("the workers cannot be started: " .. tostring(base.failure(self.pool)), 0) end
  if next(self.tasks.to_stop) then self.tasks:stop_asked() end
  if not self.is_connected and time() >= self.retry_at then self:connect() end
  if self.is_connected then self:read() end
  if self.is_connected then
    self:take_news()
    if self.tasks.has_news or next(self.tasks.waiting) then self.tasks:go_on() end
    self:reap()
    due = math.min(due or 1, self.session:move_due())
    self:talk()
  end
  self:tell()
  if self:has_left() then return false end
  sleep(self, due)
  return true
end

local function serve(self)
  while round(self) do end
  if self.is_connected then self.session:deregister(FAREWELL) end
end

local worker = {}

-- What each worker of the local pool does first. A sandboxed one gets no secrets.
local function opening_of(modules, secrets, password)
  local mm = package.loaded.manymoons
  return function()
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
local function wait_for_server(self)
  local is_logged = false
  while true do
    local facts, why, kind = self.session:examine(STALL)
    if facts then return facts end
    if kind == "refused" then error(why, 0) end
    if not is_logged then self.log("waiting for the server", { broker = self.settings.shown, why = why }) end
    is_logged = true
    waits.any({ self.poller:fileno() }, 1, true)
    if native.read_signal(self.signals) > 0 then return nil end
  end
end

-- A schedule that this worker may not run waits for another one, and is mentioned once.
local function fire(self, schedule, due, now)
  local task, following = schedules.task_of(self.secrets, self.pool_name, schedule, due, now)
  if task then return self.session:fire(schedule, task, due, following) end
  if self.refused[schedule.name] == schedule.version then return end
  self.refused[schedule.name] = schedule.version
  self.log("refused", { schedule = schedule.name, why = following })
end

local function new_session(self)
  return self.settings.backend.Worker.new(self.settings, {
    name = self.pool_name, worker = self.name, abi = broker.abi(), poller = self.poller, lease = self.lease_seconds,
    on_task = function(task) self.tasks:admit(task) end,
    on_acked = function(task, why) self.tasks:note_acked(task, why) end,
    on_schedule = function(...) fire(self, ...) end,
  })
end

local function start_pool(self, options)
  self.pool = pools.class(options.world)({
    workers = options.slots, name = self.name,
    initializer = opening_of(options.imports, not options.sandbox and options.secrets or {},
      options.sandbox and "" or options.settings.password),
    maxtasksperchild = options.max_tasks,
    sandbox = options.sandbox and sandbox.with_modules(options.sandbox, options.imports or {}),
  })
  self.startup = time() - self.started
end

-- options: settings, pool_name, secrets, slots, imports (a list), takes_json, lease, grace, max_tasks,
-- task_timeout, world, name, sandbox (as the option of a pool)
function worker.run(options)
  local host = native.machine().name or "localhost"
  local self = setmetatable({
    settings = options.settings, secrets = options.secrets, pool_name = options.pool_name, slots = options.slots,
    lease_seconds = options.lease, grace = options.grace, world = options.world, host = host, started = time(),
    name = options.name or string.format("%s:%d:%s", host, native.pid(), hex(native.random_bytes(3))),
    poller = assert(native.poller_new()), signals = assert(native.signal_descriptor()), next_tell = 0, signals_at = 0,
    retry_at = 0, reap_at = 0, refused = {},
  }, Worker)
  self.poller:keep(self.signals)
  self.log = logger(self.name)
  self.session = new_session(self)
  local facts = wait_for_server(self)
  if not facts then return end
  if not facts.is_durable then
    self.log("warning", { why = "the server keeps nothing on disk (appendonly no): what it has is lost when it ends" })
  end
  start_pool(self, options)
  self.tasks = new_tasks({
    name = self.name, name_of_pool = options.pool_name, session = self.session, secrets = options.secrets,
    imports = set_of(options.imports), pool = self.pool, log = self.log, task_timeout = options.task_timeout,
    is_sandboxed = options.sandbox ~= nil, takes_json = options.takes_json,
    nack = function(task, losses) self:nack(task, losses) end,
  })
  self.lease = self.session:heartbeat(describe(self))
  self.tasks.lease = self.lease
  self.log("started", {
    broker = self.settings.shown, pool = options.pool_name, slots = options.slots, world = options.world,
    abi = broker.abi(), is_signed = options.secrets[1] ~= nil,
  })
  local ok, why = xpcall(serve, debug.traceback, self)
  self.lease:close()
  self.pool:terminate()
  if not ok then error(why, 0) end
  self.log("left", { done = self.tasks.done })
end

return worker
