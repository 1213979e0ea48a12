-- SPDX-License-Identifier: MIT
-- The tasks that a worker daemon has, each from its delivery to the confirmation of its outcome.
--
--   task   id, stream, c s n f i x b m (engine_wire.lua), again; flags; is_trusted; started
--   state  "waiting" (for its function, or for word that somebody still waits for it), "running", "ending"
--
-- `count` of them are open; `in_hand` are those without an outcome yet, of which `running` are with the local pool.
-- A task has a lease from the delivery on, until the server has confirmed its outcome or it is found to be somebody
-- else's.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local wire = require("broker.codec")
local base = require("pool.dispatcher")

local time = native.time

local Tasks = {}
Tasks.__index = Tasks

local LIFE_MS = 3600 * 1000
local DEAD_MOST = "10000"
local FUNCTIONS_KEPT = 256
local LOOK_AGAIN, GIVE_UP = 0.5, 10
local DURATIONS = 512
local FIELDS = { c = true, s = true, n = true, f = true, i = true, x = true, b = true, m = true, again = true }

-- Outcomes -----------------------------------------------------------------------------------------------------------

local function forget(self, task)
  if self.open[task.id] ~= task then return end
  self.open[task.id] = nil
  self.count = self.count - 1
  if task.state ~= "ending" then self.in_hand = self.in_hand - 1 end
  self.lease:remove(task.id)
end

local function note_finished(task, _, failure)
  local self = task.tasks
  if failure then
    task.is_sent = false
    if failure:find("^NOSCRIPT") then self.needs_scripts = true else self.held = time() + 0.05 end
    self.ending[#self.ending + 1] = task
    return
  end
  forget(self, task)
end

local function send_outcome(self, conn, task)
  local keys = self.keys
  task.is_sent = true
  conn:script(note_finished, task, "ack", "4", task.stream, keys.open .. task.c, keys.results .. task.c, keys.dead,
    task.id, task.s, tostring(LIFE_MS), task.kind, task.payload, task.signature, task.why or "", self.name, DEAD_MOST)
end

-- What is to be told goes out; a connection that was opened anew tells everything again that was not confirmed.
function Tasks.send_outcomes(self, conn)
  if self.held and self.held > time() then return end
  self.held = nil
  local ending = self.ending
  self.ending = {}
  for _, task in ipairs(ending) do
    if self.open[task.id] == task then send_outcome(self, conn, task) end
  end
end

function Tasks.send_outcomes_again(self)
  self.ending = {}
  for _, task in pairs(self.open) do
    if task.state == "ending" then self.ending[#self.ending + 1] = task end
    task.is_asked = nil
  end
end

local function note_duration(self, seconds)
  self.mean = self.mean and self.mean * 0.9 + seconds * 0.1 or seconds
  self.last_duration = self.last_duration % DURATIONS + 1
  self.durations[self.last_duration] = seconds
end

-- kind: "v" or "l" (a list), then ":" and nanoseconds; why: a dead letter is left
local function finish(self, task, kind, payload, why)
  if self.open[task.id] ~= task or task.state == "ending" then return end
  if task.state == "running" then self.running = self.running - 1 end
  self.in_hand = self.in_hand - 1
  task.state, task.kind, task.payload, task.why = "ending", kind, payload, why
  task.b = nil
  task.signature = wire.sign_result(self.secrets, self.name_of_pool, task.c, task.s, kind, payload)
  self.done = self.done + 1
  if why then self.log("dead", { task = task.c .. ":" .. task.s, id = task.id, why = why }) end
  self.ending[#self.ending + 1] = task
end

local function fail(self, task, err, why)
  self.failed = self.failed + 1
  finish(self, task, "v:0", wire.encode_failure(err), why)
end

-- Running ------------------------------------------------------------------------------------------------------------

-- A task is the sink of what the local pool makes of it (its job): texts of engine_run.lua, or failures of that pool.
local Task = {}
Task.__index = Task

local function note_time(self, ns)
  note_duration(self, ns / 1e9)
  self.busy = self.busy + ns / 1e9
end

function Task:take_call(_, ok, values)
  if not ok then return self:fail({ base = 0 }, 1, values[1]) end
  local text, ns = values[1], values[2]
  note_time(self.tasks, ns)
  if wire.is_failure(text) then self.tasks.failed = self.tasks.failed + 1 end
  finish(self.tasks, self, string.format("v:%.0f", ns), text)
end

-- The local pool may have numbered anew what was left of a slice.
function Task:take(job, first, count, ns, results, failures)
  self.ns = self.ns + ns
  if not failures and count == self.flags.count then
    self.list = results
    return
  end
  for i = 1, count do
    local failure = failures and failures[i]
    self.list[job.base + first + i - 1] = failure and wire.encode_failure(errors.new_error(failure)) or results[i]
  end
end

function Task:fail(job, index, err)
  if err.kind == "died" then self.cause = err.message end
  err.worker = err.worker or self.tasks.name
  self.list[job.base + index] = wire.encode_failure(err)
end

-- A slice has as many items as it says, whatever became of each.
function Task:finished()
  if self.ns > 0 then note_time(self.tasks, self.ns) end
  if self.flags.mode == wire.CALL then
    if self.list[1] then finish(self.tasks, self, "v:0", self.list[1], self.cause) end
    return
  end
  local ok, payload = pcall(native.dumps, self.list)
  if not ok then return fail(self.tasks, self, { kind = "unsendable", message = payload }) end
  finish(self.tasks, self, string.format("l:%.0f", self.ns), payload, self.cause)
end

-- Whoever runs it needs nothing of this VM: texts, and the module by its name.
local function function_for(task)
  local mm, call = package.loaded.manymoons, nil
  return function(bytes)
    call = call or mm._require("broker.run").call
    return call(task, bytes)
  end
end

local function new_entry(self, task, key)
  local blob = task.f:sub(1, 2) == "b:" and task.f:sub(3) or self.blobs[task.f]
  local f = function_for({
    f = task.f:byte() == 110 and task.f or nil, blob = blob, opening = task.i ~= "" and task.i or nil,
    opening_blob = self.blobs[task.i], mode = task.flags.mode, is_trusted = task.is_trusted,
  })
  local entry = base.add_function(self.pool, f)
  self.entries[key] = entry
  self.entry_order[#self.entry_order + 1] = key
  if #self.entry_order > FUNCTIONS_KEPT then
    local oldest = table.remove(self.entry_order, 1)
    base.drop_function(self.pool, self.entries[oldest])
    self.entries[oldest] = nil
    self.last = nil
  end
  return entry
end

-- The local pool's entry for a function, kept for the next task, which is often of the same.
local function entry_of(self, task)
  local copy, mode, last = task.flags.copy, task.flags.mode, self.last
  local client = copy ~= "0" and task.c or nil
  if last and last.f == task.f and last.i == task.i and last.mode == mode and last.is_trusted == task.is_trusted
    and last.copy == copy and last.client == client then
    return last.entry
  end
  local key = table.concat({ task.f, task.i, tostring(mode), tostring(task.is_trusted), copy, client }, " ")
  local entry = self.entries[key] or new_entry(self, task, key)
  self.last = {
    f = task.f, i = task.i, mode = mode, is_trusted = task.is_trusted, copy = copy, client = client, entry = entry,
  }
  return entry
end

local function run(self, task)
  local flags = task.flags
  local entry = entry_of(self, task)
  local job = {
    mode = flags.mode == wire.CALL and wire.CALL or wire.MAP, entry = entry, count = flags.count, base = 0,
    timeout = flags.timeout or self.task_timeout, retries = math.max(0, flags.retries - task.losses),
    sink = task,
  }
  if flags.mode == wire.CALL then
    job.args = checks.pack(task.b)
  else
    job.list, job.first = wire.decode_list(task.b, flags.count), 1
    if not job.list then error("the items cannot be read", 0) end
  end
  entry.users = entry.users + 1
  task.state, task.started, self.running = "running", time(), self.running + 1
  -- a list can be put again from here; what waits behind others costs too much to be able to take back
  task.job = base.put(self.pool, job, false, job.mode == wire.CALL and job.retries > 0)
end

local function try_to_run(self, task)
  local ok, why = pcall(run, self, task)
  if not ok then fail(self, task, { kind = "unsendable", message = tostring(why) }) end
end

-- Functions: fetched once, checked by their digest, which is signed with the task ------------------------------------

local want_function

local function note_function(want, blob)
  local self, name = want.tasks, want.name
  self.wanted[name] = nil
  if blob and wire.digest(blob) == name:sub(3) and (blob:byte() == 83 or blob:byte() == 66) then
    self.blobs[name] = blob
    self.blob_order[#self.blob_order + 1] = name
    if #self.blob_order > FUNCTIONS_KEPT then self.blobs[table.remove(self.blob_order, 1)] = nil end
  else
    self.missing[name] = { first = want.first, again = time() + LOOK_AGAIN }
  end
  self.has_news = true
end

-- False: it is not here yet.
function want_function(self, name)
  if name == "" or name:sub(1, 2) ~= "f:" or self.blobs[name] then return true end
  local missing = self.missing[name]
  if self.wanted[name] or (missing and missing.again > time()) then return false end
  self.wanted[name] = { tasks = self, name = name, first = missing and missing.first or time() }
  self.ask(note_function, self.wanted[name], "GET", self.keys.prefix .. name)
  return false
end

local function is_hopeless(self, name)
  local missing = self.missing[name]
  return missing and time() - missing.first > GIVE_UP
end

-- Admission ----------------------------------------------------------------------------------------------------------

local function note_waited_for(task, is_waited_for)
  if is_waited_for == 1 then
    task.is_waited_for = true
  elseif is_waited_for == 0 then
    task.is_forgotten = true
  else
    task.is_asked = nil
  end
  task.tasks.has_news = true
end

-- Of an old one, and of one that was lost before, the client may be gone.
local function is_wanted(self, task)
  if task.is_waited_for or task.again then return true end
  if not task.is_asked then
    task.is_asked = true
    self.ask(note_waited_for, task, "HEXISTS", self.keys.open .. task.c, task.s)
  end
  return false
end

local function drop(self, task)
  self.ask(nil, nil, "XACK", task.stream, "g", task.id)
  self.ask(nil, nil, "XDEL", task.stream, task.id)
  forget(self, task)
end

-- Those that were waiting for something.
function Tasks.go_on(self)
  self.has_news = false
  for _, task in pairs(self.waiting) do
    if self.open[task.id] ~= task then
      self.waiting[task.id] = nil
    elseif task.is_forgotten then
      self.waiting[task.id] = nil
      drop(self, task)
    elseif is_hopeless(self, task.f) or is_hopeless(self, task.i) then
      self.waiting[task.id] = nil
      fail(self, task, { kind = "died", message = "the task's function is not on the server any more" })
    else
      local has_functions = want_function(self, task.f)
      has_functions = want_function(self, task.i) and has_functions
      if has_functions and (task.is_waited_for or task.is_fresh or is_wanted(self, task)) then
        self.waiting[task.id] = nil
        try_to_run(self, task)
      end
    end
  end
end

-- nil: it may run; or why it may not
local function refusal_of(self, task)
  task.flags = wire.decode_flags(task.x)
  if not task.flags or #task.c > 64 or not task.s:find("^%d+$") then return "BadSignature: this is no task" end
  if self.secrets[1] then
    if not wire.is_task_signed(self.secrets, self.name_of_pool, task) then
      return "BadSignature: the task was not signed with a secret of this worker"
    end
    if task.flags.expiry < os.time() and not task.again then return "BadSignature: the task has expired" end
    task.is_trusted = true
  end
  if task.f:byte() == 110 then
    local module = task.f:match("^n:([^:]+):")
    if not module then return "BadSignature: this is no name of a function" end
    if (self.imports or not task.is_trusted) and not (self.imports or {})[module] then
      return "the worker may not import '" .. module .. "' (manymoons worker --import)"
    end
  elseif not task.is_trusted then
    return "BadSignature: the worker has no secret, and runs named functions alone"
  end
  if task.i ~= "" and not task.is_trusted then return "BadSignature: an initializer has to be signed" end
end

local function hold(self, task)
  self.lease:add(task.stream, task.again and "" or self.keys.open .. task.c:sub(1, 64), task.s:sub(1, 20), task.id)
end

function Tasks.take_lease(self, lease)
  self.lease = lease
  for _, task in pairs(self.open) do hold(self, task) end
end

-- fields: of an entry that was delivered
function Tasks.admit(self, stream, id, fields)
  local task = setmetatable({
    tasks = self, id = id, stream = stream, state = "waiting", list = {}, ns = 0, c = "", s = "", n = "", f = "",
      i = "",
    x = "", b = "", m = "", flags = false, is_trusted = false, is_fresh = false, started = 0, kind = "", payload = "",
  }, Task)
  for i = 1, #fields, 2 do
    if FIELDS[fields[i]] then task[fields[i]] = fields[i + 1] end
  end
  task.losses = tonumber(task.n) or 0
  self.open[id] = task
  self.count, self.in_hand = self.count + 1, self.in_hand + 1
  hold(self, task)
  local refusal = refusal_of(self, task)
  if refusal then
    self.log("refused", { id = id, why = refusal })
    return fail(self, task, { kind = "unsendable", message = refusal }, refusal)
  end
  task.is_fresh = task.losses == 0 and self.server_time() - tonumber(id:match("^%d+")) / 1000 < LIFE_MS / 1000
  if task.is_fresh and want_function(self, task.f) and want_function(self, task.i) then
    return try_to_run(self, task)
  end
  self.waiting[id] = task
  self.has_news = true
end

-- What waits behind others in the local pool is stopped when it begins.
local function stop(self, task)
  if task.job and not base.cancel_task(self.pool, task.job) then self.doomed[task.job] = true end
end

function Tasks.stop_doomed(self)
  for job in pairs(self.doomed) do
    if not base.is_open(self.pool, job) or base.cancel_task(self.pool, job) then self.doomed[job] = nil end
  end
end

-- What is not ours any more: its lease was lost, or nobody waits for it.
function Tasks.abandon(self, id, why)
  local task = self.open[id]
  if not task or task.state == "ending" then return end
  self.log(why, { task = task.c .. ":" .. task.s, id = id })
  if task.state == "running" then self.running = self.running - 1 end
  self.waiting[id] = nil
  if why == "forgotten" then drop(self, task) else forget(self, task) end
  self.lost = self.lost + (why == "lost" and 1 or 0)
  stop(self, task)
end

-- Back to the stream, for others: no loss. For a daemon that leaves.
function Tasks.hand_back(self)
  for id, task in pairs(self.open) do
    if task.state ~= "ending" then
      self.requeue(task, 0)
      self.log("handed back", { task = task.c .. ":" .. task.s, id = id })
      if task.state == "running" then self.running = self.running - 1 end
      forget(self, task)
      stop(self, task)
    end
  end
end

function Tasks.percentile(self, share)
  local sorted = {}
  for i, seconds in ipairs(self.durations) do sorted[i] = seconds end
  if #sorted == 0 then return 0 end
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * share))]
end

-- daemon: name, name_of_pool, keys, secrets, imports, pool, lease, log, ask, requeue, server_time, task_timeout
return function(daemon)
  for name, value in pairs({
    open = {}, waiting = {}, doomed = {}, ending = {}, entries = {}, entry_order = {}, blobs = {}, blob_order = {},
      wanted = {},
    missing = {}, durations = {}, last_duration = 0, count = 0, in_hand = 0, running = 0, done = 0, failed = 0,
      lost = 0, busy = 0,
  }) do
    daemon[name] = value
  end
  return setmetatable(daemon, Tasks)
end
