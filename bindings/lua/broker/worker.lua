-- SPDX-License-Identifier: MIT
-- `manymoons worker`: fetches tasks and gives them to a pool of this machine. This VM runs no code of theirs.
--
-- Over `fetcher` it asks for tasks, and waits; with the question go the outcomes that are ready. While a question
-- waits, outcomes and everything else go over `speaker`. Leases are renewed by a thread of their own
-- (vm/engine/lease.h). When a connection breaks, both are opened again, outcomes that were not confirmed are told
-- again, and tasks that run run on.
--
-- The server counts the time that nobody could renew anything: for one lease after a connection was made, nothing that
-- others hold is taken from them.
local require, native = ...

local hex = require("core.hex")
local json = require("core.json")
local waits = require("core.waits")
local wire = require("broker.codec")
local connection = require("broker.connection")
local broker = require("broker.settings")
local new_tasks = require("broker.tasks")
local base = require("pool.dispatcher")
local pools = require("pool.pool")

local time = native.time

local Worker = {}
Worker.__index = Worker

local BLOCK, STALL, FIRST_PAUSE, LONGEST_PAUSE, CONNECT = 5, 10, 0.1, 2, 2
local PREFETCH, QUICK = 8, 0.002 -- tasks beyond those that run, for each slot, while a task takes less than so long
local RECLAIM, GROUPS_AGAIN, SIGNALS_EVERY = 100, 0.1, 0.01
local LIFE_MS = "3600000"
local DEAD_MOST = "10000"
local FAREWELL = 2
local SCRIPTS = { "finish", "requeue", "leave" }

-- What is told: lines of JSON on stderr ------------------------------------------------------------------------------

local function logger(name)
  return function(event, about)
    local line = { at = os.date("!%Y-%m-%dT%H:%M:%SZ"), event = event, worker = name }
    for key, value in pairs(about or {}) do line[key] = value end
    io.stdout:flush()
    io.stderr:write(json.encode(line), "\n")
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

-- Connections --------------------------------------------------------------------------------------------------------

function Worker.disconnect(self, why)
  self.fetcher:close(why)
  self.speaker:close(why)
  if self.is_connected then self.log("disconnected", { why = why }) end
  self.is_connected, self.is_stale = false, nil
  self.pause = math.min(LONGEST_PAUSE, (self.pause or FIRST_PAUSE / 2) * 2)
  self.retry_at = time() + self.pause
end

local function note_groups(about, groups)
  if groups and #groups > 0 then about.worker.has_group[about.stream] = true end
end

-- A server without memory makes none, and does not say whether there is one.
local function note_group(about, _, failure)
  local self = about.worker
  if not failure or failure:find("^BUSYGROUP") then
    self.has_group[about.stream] = true
  else
    self.groups_at = time() + GROUPS_AGAIN
    self.speaker:send(note_groups, about, "XINFO", "GROUPS", about.stream)
  end
end

local function make_groups(self)
  self.groups_at = nil
  for _, stream in ipairs(self.streams) do
    if not self.has_group[stream] then
      self.speaker:send(note_group, { worker = self, stream = stream }, "XGROUP", "CREATE", stream, "g", "0",
        "MKSTREAM")
    end
  end
end

function Worker.connect(self)
  local opened, why = self.speaker:open(CONNECT)
  if opened then opened, why = self.fetcher:open(CONNECT) end
  if not opened then
    self:disconnect(why)
    return nil, why
  end
  if self.pause then self.log("connected", {}) end
  if self.lease and self.lease_address ~= self.settings.address then self:renew_lease() end
  self.is_connected, self.pause, self.is_fetching, self.has_group = true, nil, false, {}
  self.reap_at, self.cursors = time() + self.lease_seconds, {}
  make_groups(self)
  self.fetcher:send(function(_, id) self.fetcher_id = id end, nil, "CLIENT", "ID")
  self.speaker:send(function(_, clock)
    if clock then self.clock_offset = tonumber(clock[1]) - time() end
  end, nil, "TIME")
  for _, task in pairs(self.tasks.open) do task.is_asked = nil end
  self.tasks.wanted = {}
  self.tasks.has_news = true
  self.tasks:send_outcomes_again()
  return true
end

function Worker.check_connections(self)
  local now, speaker, fetcher = time(), self.speaker, self.fetcher
  self.speaker_since = speaker:under_way() > 0 and (self.speaker_since or now) or nil
  local is_stalled = (self.speaker_since and now - self.speaker_since > STALL)
    or (self.is_fetching and now - self.fetched > BLOCK + STALL)
  if speaker.link and fetcher.link and not self.is_stale and not is_stalled then return true end
  self:disconnect(speaker.why or fetcher.why or self.is_stale or "no answer")
  return false
end

-- Fetching -----------------------------------------------------------------------------------------------------------

local function note_fetched(self, reply, failure)
  self.is_fetching = false
  if failure then
    if failure:find("^NOGROUP") or failure:find("^UNBLOCKED") then
      self.has_group, self.groups_at = {}, time() + GROUPS_AGAIN
    else
      self.is_stale = failure
    end
    return
  end
  for _, part in ipairs(reply or {}) do
    for _, entry in ipairs(part[2]) do
      if entry[2] then self.tasks:admit(part[1], entry[1], entry[2]) end
    end
  end
end

local function capacity_of(self)
  local mean = self.tasks.mean
  if mean and mean < QUICK and self.tasks.done > self.slots then return self.slots * (1 + PREFETCH) end
  return self.slots
end

function Worker.fetch(self)
  if self.is_fetching or self.is_leaving then return false end
  local capacity = capacity_of(self)
  local room = capacity - self.tasks.in_hand
  if room < 1 or (capacity > self.slots and room < capacity / 4) then return false end
  if not next(self.has_group) then return false end
  self.is_fetching, self.fetched = true, time()
  local words = { "XREADGROUP", "GROUP", "g", self.name, "COUNT", tostring(room), "BLOCK", self.block_ms, "STREAMS" }
  for stream in pairs(self.has_group) do words[#words + 1] = stream end
  for _ in pairs(self.has_group) do words[#words + 1] = ">" end
  self.tasks:send_outcomes(self.fetcher)
  self.fetcher:send_list(note_fetched, self, words)
  return true
end

function Worker.talk(self)
  if self.groups_at and time() >= self.groups_at then make_groups(self) end
  if self.tasks.needs_scripts then
    self.tasks.needs_scripts = false
    self.speaker:load_scripts()
    self.fetcher:load_scripts()
  end
  if not self:fetch() and #self.tasks.ending > 0 then
    self.tasks:send_outcomes(self.is_fetching and self.speaker or self.fetcher)
  end
  self.speaker:flush()
  self.fetcher:flush()
end

-- What others have lost ----------------------------------------------------------------------------------------------

local function fields_of(entry)
  local t = {}
  for i = 1, #entry, 2 do t[entry[i]] = entry[i + 1] end
  return t
end

function Worker.requeue(self, task, losses)
  local keys = self.keys
  local flags = wire.decode_flags(task.x or "") or { retries = 0 }
  local why = "the task was lost " .. flags.retries + 1 .. " times: its worker died, or could not be reached"
  local payload = wire.encode_failure({ kind = "died", message = why, worker = self.name })
  local signature = wire.sign_result(self.secrets, self.pool_name, task.c, task.s, "v:0", payload)
  self.speaker:script(function(_, reply, failure)
    self.tasks.needs_scripts = self.tasks.needs_scripts or (failure and failure:find("^NOSCRIPT") ~= nil)
    if losses > 0 and reply ~= "gone" then
      self.log("requeued", { task = task.c .. ":" .. task.s, outcome = reply, failure = failure })
    end
  end, nil, "requeue", "4", task.stream, keys.open .. task.c, keys.results .. task.c, keys.dead, task.id, task.s,
    tostring(losses), tostring(flags.retries), LIFE_MS, "v:0", payload, signature, why, self.name, DEAD_MOST)
end

local function note_reclaimed(about, reply, failure)
  local self = about.worker
  if failure or not reply then return end
  self.cursors[about.stream] = reply[1]
  for _, entry in ipairs(reply[2]) do
    local id, fields = entry and entry[1], entry and entry[2]
    if id and not fields then
      self.speaker:send(nil, nil, "XACK", about.stream, "g", id)
    elseif id and not self.tasks.open[id] then
      local task = fields_of(fields)
      task.id, task.stream, task.c, task.s = id, about.stream, task.c or "", task.s or ""
      self:requeue(task, 1)
    end
  end
  if reply[1] ~= "0-0" then self.reap_at = time() end
end

function Worker.reap(self)
  local now = time()
  if now < self.reap_at then return end
  self.reap_at = now + self.lease_seconds / 3
  for _, stream in ipairs(self.streams) do
    self.speaker:send(note_reclaimed, { worker = self, stream = stream }, "XAUTOCLAIM", stream, "g", self.name,
      tostring(math.floor(self.lease_seconds * 1000)), self.cursors[stream] or "0-0", "COUNT", tostring(RECLAIM))
  end
  if now >= self.sweep_at then
    self.sweep_at = now + self.lease_seconds * 3
    self.speaker:script(nil, nil, "leave", tostring(1 + #self.streams), self.keys.registry, self.streams[1],
      self.streams[2], tostring(math.ceil(self.lease_seconds * 10)), "")
  end
end

function Worker.take_news(self)
  while true do
    local what, id = self.lease:news()
    if not what then return end
    self.tasks:abandon(id, what)
  end
end

-- The end ------------------------------------------------------------------------------------------------------------

function Worker.begin_to_leave(self, is_urgent)
  if not self.is_leaving then
    self.is_leaving, self.next_tell = true, 0
    self.leave_by = time() + self.grace
    self.log("leaving", { running = self.tasks.running })
    if self.is_fetching and self.fetcher_id then
      self.speaker:send(nil, nil, "CLIENT", "UNBLOCK", tostring(self.fetcher_id))
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

-- True when there is nothing left to wait for.
function Worker.has_left(self)
  if not self.is_leaving then return false end
  if self.tasks.in_hand > 0 and time() >= self.leave_by then
    if self.is_connected then self.tasks:hand_back() end
    self.farewell = self.farewell or time() + FAREWELL
  end
  if time() >= self.leave_by + FAREWELL then return true end
  return self.tasks.count == 0 and not self.is_fetching and self.speaker:under_way() == 0
end

function Worker.say_goodbye(self)
  if not self.is_connected then return end
  self.speaker:send(nil, nil, "DEL", self.keys.registry .. ":" .. self.name)
  self.speaker:call(FAREWELL, self.speaker.script, "leave", tostring(1 + #self.streams), self.keys.registry,
    self.streams[1], self.streams[2], "", self.name)
end

-- The loop -----------------------------------------------------------------------------------------------------------

local function sleep(self, due)
  local seconds = math.min(due or 1, 1, math.max(0, self.reap_at - time()))
  if not self.is_connected then seconds = math.min(due or 1, math.max(0, self.retry_at - time())) end
  if self.is_leaving or next(self.tasks.doomed) then seconds = math.min(seconds, 0.05) end
  if next(self.tasks.waiting) or self.groups_at then seconds = math.min(seconds, 0.1) end
  local results, _, workers = base.waitable(self.pool)
  local things = { results, self.poller:fileno() }
  for _, worker in ipairs(workers) do things[#things + 1] = worker end
  waits.any(things, seconds, true)
end

local function round(self)
  self:take_signals()
  local due = base.take_ready(self.pool)
  if base.has_ended(self.pool) then error("the workers cannot be started: " .. tostring(base.failure(self.pool)), 0) end
  if next(self.tasks.doomed) then self.tasks:stop_doomed() end
  if not self.is_connected and time() >= self.retry_at then self:connect() end
  if self.is_connected then
    self.fetcher:read()
    if self.speaker:under_way() > 0 and self.speaker:read() then self.speaker_since = nil end
  end
  if self.is_connected and self:check_connections() then
    self:take_news()
    if self.tasks.has_news or next(self.tasks.waiting) then self.tasks:go_on() end
    self:reap()
    self:talk()
  end
  self:tell()
  if self:has_left() then return false end
  sleep(self, due)
  return true
end

local function serve(self)
  while round(self) do end
  self:say_goodbye()
end

local worker = {}

-- What each worker of the local pool does first.
local function opening_of(modules, secrets)
  local mm = package.loaded.manymoons
  return function()
    mm._require("broker.settings").set_default_secrets(secrets)
    for _, module in ipairs(modules or {}) do _G.require(module) end
  end
end

local function set_of(list)
  if not list then return nil end
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- The server is asked until it answers; what it refuses is an error.
local function wait_for_server(self)
  local has_told = false
  while true do
    local opened, why = self.speaker:open_at(CONNECT, self.streams[1])
    if opened then
      local facts
      facts, why = self.speaker:examine(STALL)
      local link = self.speaker.link
      self.speaker:close()
      if facts then return facts end
      if link then error(why, 0) end
    elseif why:find("^AUTH") or why:find("^SELECT") or why:find("certificate") or why:find("needs lib") then
      error(why, 0)
    end
    if not has_told then self.log("waiting for the server", { engine = self.settings.shown, why = why }) end
    has_told = true
    waits.any({ self.poller:fileno() }, 1, true)
    if native.read_signal(self.signals) > 0 then return nil end
  end
end

local function open_lease(self)
  local settings = {}
  for key, value in pairs(self.settings) do settings[key] = value end
  settings.name = "manymoons-lease"
  self.lease_address = self.settings.address
  return assert(native.lease_open(settings, {
    connection.text("beat"), self.keys.registry, self.keys.registry .. ":" .. self.name, self.name,
    tostring(math.ceil(self.lease_seconds * 3)),
  }, self.lease_seconds / 3, describe(self)))
end

-- The server is another one.
function Worker.renew_lease(self)
  self.lease:close()
  self.lease = open_lease(self)
  self.tasks:take_lease(self.lease)
end

-- options: settings, pool_name, secrets, slots, imports (a list), lease, grace, max_tasks, task_timeout, world, name
function worker.run(options)
  local key = broker.key_of(options.pool_name)
  local host = native.machine().name or "localhost"
  local self = setmetatable({
    settings = options.settings, secrets = options.secrets, pool_name = options.pool_name, slots = options.slots,
    lease_seconds = options.lease, grace = options.grace, world = options.world, host = host, started = time(),
    name = options.name or string.format("%s:%d:%s", host, native.pid(),
      hex(native.random_bytes(3))),
    keys = { prefix = key, open = key .. "o:", results = key .. "r:", dead = key .. "dead", registry = key .. "w" },
    streams = { key .. "q", key .. "q:" .. broker.abi() }, poller = assert(native.poller_new()),
    signals = assert(native.signal_descriptor()), next_tell = 0, signals_at = 0, retry_at = 0, reap_at = 0,
      sweep_at = 0, cursors = {},
  }, Worker)
  self.block_ms = tostring(math.floor(math.min(BLOCK, options.lease / 2) * 1000))
  self.poller:keep(self.signals)
  self.log = logger(self.name)
  self.fetcher = connection.new(self.settings, self.poller, { "finish" })
  self.speaker = connection.new(self.settings, self.poller, SCRIPTS)
  local facts = wait_for_server(self)
  if not facts then return end
  if not facts.is_durable then
    self.log("warning", { why = "the server keeps nothing on disk (appendonly no): what it has is lost when it ends" })
  end
  self.pool = pools.class(options.world)({
    workers = options.slots, name = self.name, initializer = opening_of(options.imports, options.secrets),
    maxtasksperchild = options.max_tasks,
  })
  self.startup = time() - self.started
  self.tasks = new_tasks({
    name = self.name, name_of_pool = options.pool_name, keys = self.keys, secrets = options.secrets,
    imports = set_of(options.imports), pool = self.pool, log = self.log,
    task_timeout = options.task_timeout,
    ask = function(...) return self.speaker:send(...) end,
    requeue = function(task, losses) self:requeue(task, losses) end,
    server_time = function() return time() + (self.clock_offset or os.time() - time()) end,
  })
  self.lease = open_lease(self)
  self.tasks.lease = self.lease
  self.log("started", {
    engine = self.settings.shown, pool = options.pool_name, slots = options.slots, world = options.world,
    abi = broker.abi(), is_signed = options.secrets[1] ~= nil,
  })
  local ok, why = xpcall(serve, debug.traceback, self)
  self.lease:close()
  self.pool:terminate()
  if not ok then error(why, 0) end
  self.log("left", { done = self.tasks.done })
end

return worker
