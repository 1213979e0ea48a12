-- SPDX-License-Identifier: MIT
-- One pool that a worker serves (broker/worker.lua): its session with the server, and its tasks. Several of
-- them share the workers of this machine.
--
-- Leases are renewed by a thread of their own (broker/backend.lua: Lease). When the session breaks
-- it is opened again, outcomes that were not confirmed are sent again, and running tasks continue.
--
-- Leases run out while no worker can reach the server. So nothing is reclaimed for one lease after
-- the session was opened.
local require, native = ...

local json = require("core.json")
local attempts = require("broker.attempts")
local backoff = require("broker.backoff")
local codec = require("broker.codec")
local schedules = require("broker.schedules")
local broker = require("broker.settings")
local new_tasks = require("broker.tasks")

local time = native.time

local Service = {}
Service.__index = Service

local FIRST_PAUSE, LONGEST_PAUSE, CONNECT = 0.1, 2, 2

-- What the worker says about itself ----------------------------------------------------------------------------------

local function describe(self)
  local now, tasks, daemon = time(), self.tasks, self.daemon
  local seconds = now - (self.told or daemon.started)
  local text = json.encode({
    host = daemon.host, pid = native.pid(), slots = daemon.slots, abi = broker.abi(), lua = _VERSION,
    version = native.version, world = daemon.world, up = now - daemon.started, startup = daemon.startup,
    running = tasks.running, done = tasks.done, failed = tasks.failed, lost = tasks.lost, busy = tasks.busy,
    rate = seconds > 0 and (tasks.done - (self.told_done or 0)) / seconds or 0, p50 = tasks:percentile(0.5),
    p99 = tasks:percentile(0.99), lease = daemon.lease_seconds, is_leaving = daemon.is_leaving or false,
  })
  self.told, self.told_done, self.next_tell = now, tasks.done, now + daemon.lease_seconds / 3
  return text
end

function Service.tell(self)
  if time() >= self.next_tell then self.lease:tell(describe(self)) end
end

-- The session --------------------------------------------------------------------------------------------------------

function Service.disconnect(self, why)
  self.session:close(why)
  if self.is_connected then self.log("disconnected", { why = why }) end
  self.is_connected = false
  self.pause = backoff(self.pause, FIRST_PAUSE, LONGEST_PAUSE)
  self.retry_at = time() + self.pause
end

local function connect(self)
  local opened, why = self.session:open(CONNECT)
  if not opened then return self:disconnect(why) end
  if self.pause then self.log("connected", {}) end
  self.is_connected, self.pause, self.is_starved, self.asked = true, nil, false, 0
  self.reap_at = time() + self.daemon.lease_seconds
  self.tasks:note_opened()
end

local function read(self)
  local has_read, why = self.session:read()
  if has_read == nil then self:disconnect(why) end
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
function Service.nack(self, task, losses)
  if task.is_posted then return nack_posted(self, task, losses) end
  local retries = (codec.decode_flags(task.flags) or { retries = 0 }).retries
  local why = "the task was lost " .. retries + 1 .. " times: its worker died, or could not be reached"
  local payload = codec.encode_failure({ kind = "died", message = why, worker = self.daemon.name })
  local outcome = {
    kind = "v:0", payload = payload, why = why, worker = self.daemon.name,
    mac = codec.sign_result(self.daemon.secrets, self.name, task, "v:0", payload),
  }
  self.session:nack(task, losses, retries, outcome, losses > 0 and function(...)
    log_requeued(self, task, ...)
  end or nil)
end

local function reap(self)
  if time() < self.reap_at then return end
  local seconds = self.daemon.lease_seconds
  self.reap_at = time() + seconds / 3
  self.session:reclaim(seconds, function(task)
    if not self.tasks.open[task.id] then self:nack(task, 1) end
  end)
end

local function take_news(self)
  while true do
    local what, id = self.lease:news()
    if not what then return end
    self.tasks:note_lost(id, what)
  end
end

-- A round ------------------------------------------------------------------------------------------------------------

-- Everything but fetching. → the seconds until it is to be called again
function Service.work(self)
  self.is_starved = false
  if next(self.tasks.to_stop) then self.tasks:stop_asked() end
  if not self.is_connected and time() >= self.retry_at then connect(self) end
  if self.is_connected then read(self) end
  if not self.is_connected then return math.max(0, self.retry_at - time()) end
  take_news(self)
  if self.tasks.has_news or next(self.tasks.waiting) then self.tasks:go_on() end
  reap(self)
  self.tasks:send_outcomes()
  return math.min(self.session:move_due(), math.max(0, self.reap_at - time()))
end

function Service.fetch(self, count)
  self.asked = count
  self.is_starved = not self.session:fetch(count)
end

-- How many tasks were asked for that may still come at once.
function Service.on_the_way(self) return self.session.is_taking and self.asked or 0 end

function Service.has_left(self) return self.tasks.count == 0 and self.session:is_idle() end

-- The beginning and the end ------------------------------------------------------------------------------------------

-- A schedule that this worker may not run waits for another one, and is mentioned once.
local function fire(self, schedule, due, now)
  local task, following = schedules.task_of(self.daemon.secrets, self.name, schedule, due, now)
  if task then return self.session:fire(schedule, task, due, following) end
  if self.refused[schedule.name] == schedule.version then return end
  self.refused[schedule.name] = schedule.version
  self.log("refused", { schedule = schedule.name, why = following })
end

-- What came although there is no room for it, because several streams had tasks at once, goes back.
local function take(self, task)
  if self.session:is_choosing() and self.daemon:room() < 1 then return self:nack(task, 0) end
  self.daemon:note_taken(self)
  self.tasks:admit(task)
end

local function new_session(self)
  local daemon = self.daemon
  return self.settings.backend.Worker.new(self.settings, {
    name = self.name, worker = daemon.name, abi = broker.abi(), poller = daemon.poller, lease = daemon.lease_seconds,
    is_shared = daemon.is_shared, on_task = function(task) take(self, task) end,
    on_acked = function(task, why) self.tasks:note_acked(task, why) end,
    on_schedule = function(...) fire(self, ...) end,
  })
end

-- options: those of the worker
function Service.start(self, options)
  local daemon = self.daemon
  self.tasks = new_tasks({
    name = daemon.name, name_of_pool = self.name, session = self.session, secrets = daemon.secrets,
    imports = options.import_set, pool = daemon.pool, log = self.log, task_timeout = options.task_timeout,
    is_sandboxed = options.sandbox ~= nil, takes_json = options.takes_json,
    nack = function(task, losses) self:nack(task, losses) end, place = self.place, reports = daemon.reports,
    metrics = daemon.metrics,
  })
  self.lease = self.session:heartbeat(describe(self))
  self.tasks.lease = self.lease
end

function Service.deregister(self, seconds)
  if self.is_connected then self.session:deregister(seconds) end
end

-- daemon: the worker; place: among its services; pool: name, weight, settings of its server
return function(daemon, place, pool, log)
  local self = setmetatable({
    daemon = daemon, place = place, name = pool.name, weight = pool.weight, settings = pool.settings, log = log,
    passed = 0, asked = 0, retry_at = 0, reap_at = 0, next_tell = 0, refused = {},
  }, Service)
  self.session = new_session(self)
  return self
end
