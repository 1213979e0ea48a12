-- SPDX-License-Identifier: MIT
-- The tasks that a worker daemon has, each from its delivery to the confirmation of its outcome.
--
--   task   what was delivered (broker/backend.lua); options: what its flags say (codec.lua); is_trusted; started
--   state  "waiting" (for its function, or for the answer whether it is open), "running", "ending"
--
-- A task runs, or is refused, once the server has said that this delivery is the open one. A copy of a
-- signed task has another id than the one that its client's number stands for; and a task that has its
-- outcome is remembered for as long as its signature is good.
--
-- `count` of them are open; `in_hand` are those without an outcome yet, of which `running` are with
-- the local pool. A task has a lease from the delivery on, until the server has confirmed its
-- outcome or another worker has the task.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local attempts = require("broker.attempts")
local codec = require("broker.codec")
local base = require("pool.dispatcher")

local time = native.time

local Tasks = {}
Tasks.__index = Tasks

local HOLD = 0.05
local FUNCTIONS_KEPT = 256
local LOOK_AGAIN, GIVE_UP = 0.5, 10
local DURATIONS = 512
local SOURCE, BYTECODE, NAMED = ("S"):byte(), ("B"):byte(), ("n"):byte()

-- Outcomes -----------------------------------------------------------------------------------------------------------

local function forget(self, task)
  if self.open[task.id] ~= task then return end
  self.open[task.id] = nil
  self.count = self.count - 1
  if task.state ~= "ending" then self.in_hand = self.in_hand - 1 end
  self.lease:remove(task.id)
end

local function name_of(task) return task.client .. ":" .. task.seq end

-- why: nil, or why the server did not take the outcome, which is said again.
function Tasks.note_acked(self, task, why)
  if not why then return forget(self, task) end
  self.held = time() + HOLD
  self.ending[#self.ending + 1] = task
end

local function send_outcome(self, task)
  local outcome = task.outcome
  if not outcome.pause then return self.session:ack(task, outcome) end
  self.session:again(task, outcome, function(_, failure) self:note_acked(task, failure) end)
end

function Tasks.send_outcomes(self)
  if self.held and self.held > time() then return end
  self.held = nil
  local ending = self.ending
  if #ending == 0 then return end
  self.ending = {}
  for _, task in ipairs(ending) do
    if self.open[task.id] == task then send_outcome(self, task) end
  end
end

-- The session was opened anew: outcomes that were not confirmed go again, and questions that were
-- not answered.
function Tasks.note_opened(self)
  self.ending, self.wanted, self.has_news = {}, {}, true
  for _, task in pairs(self.open) do
    if task.state == "ending" then self.ending[#self.ending + 1] = task end
    task.is_asked, task.is_placing, task.is_entering = nil, nil, nil
  end
end

local function note_duration(self, seconds)
  self.mean = self.mean and self.mean * 0.9 + seconds * 0.1 or seconds
  self.last_duration = self.last_duration % DURATIONS + 1
  self.durations[self.last_duration] = seconds
end

local function stop_running(self, task)
  self.running = self.running - 1
  if task.is_posted then self.reports:finish(task) end
end

local function end_with(self, task, outcome)
  if task.state == "running" then stop_running(self, task) end
  self.in_hand = self.in_hand - 1
  task.state, task.body, task.outcome = "ending", nil, outcome
  self.ending[#self.ending + 1] = task
end

-- kind: "v" or "l" (a list), then ":" and nanoseconds; why: a dead letter is left
local function outcome_for(self, task, kind, payload, why)
  if task.is_posted then return attempts.outcome_of(self, task, kind, payload, why) end
  return {
    kind = kind, payload = payload, why = why, worker = self.name,
    mac = codec.sign_result(self.secrets, self.name_of_pool, task, kind, payload),
  }
end

local function count_run(self, task, payload, is_retried)
  local how = is_retried and "retried" or codec.is_failure(payload) and "failed" or "done"
  self.metrics:note_end(self.name_of_pool, task, how, task.started and time() - task.started)
end

local function finish(self, task, kind, payload, why)
  if self.open[task.id] ~= task or task.state == "ending" then return end
  local outcome = outcome_for(self, task, kind, payload, why)
  count_run(self, task, payload, outcome.pause ~= nil)
  end_with(self, task, outcome)
  if outcome.pause then return self.log("again", { task = name_of(task), id = task.id, pause = outcome.pause }) end
  self.done = self.done + 1
  if outcome.why then self.log("dead", { task = name_of(task), id = task.id, why = outcome.why }) end
end

local function fail(self, task, err, why)
  self.failed = self.failed + 1
  finish(self, task, "v:0", codec.encode_failure(err), why)
end

-- Running ------------------------------------------------------------------------------------------------------------

-- A task is the sink of what the local pool makes of it (its job): texts of broker/run.lua, or
-- failures of that pool.
local Task = {}
Task.__index = Task

local function note_time(self, ns)
  note_duration(self, ns / 1e9)
  self.busy = self.busy + ns / 1e9
end

-- What a worker of the local pool answered, as it may be signed.
local function outcome_of(self, text, is_json)
  if self.is_sandboxed then return codec.only_data(text, is_json) end
  return text
end

function Task:take_call(_, ok, values)
  if not ok then return self:fail({ base = 0 }, 1, values[1]) end
  local text, ns = outcome_of(self.tasks, values[1], self.json ~= nil), tonumber(values[2]) or 0
  note_time(self.tasks, ns)
  if codec.is_failure(text) then self.tasks.failed = self.tasks.failed + 1 end
  finish(self.tasks, self, string.format("v:%.0f", ns), text)
end

-- The local pool may have numbered anew what was left of a slice.
function Task:take(job, first, count, ns, results, failures)
  self.ns = self.ns + ns
  if not failures and count == self.options.count and not self.tasks.is_sandboxed then
    self.list = results
    return
  end
  for i = 1, count do
    local failure = failures and failures[i]
    self.list[job.base + first + i - 1] = failure and codec.encode_failure(errors.new_error(failure))
      or outcome_of(self.tasks, results[i])
  end
end

function Task:fail(job, index, err)
  if err.kind == "died" then self.cause = err.message end
  err.worker = err.worker or self.tasks.name
  self.list[job.base + index] = codec.encode_failure(err)
end

-- A slice ends with an outcome for each of its items.
function Task:finished()
  if self.ns > 0 then note_time(self.tasks, self.ns) end
  if self.options.mode == codec.CALL then
    if self.list[1] then finish(self.tasks, self, "v:0", self.list[1], self.cause) end
    return
  end
  local ok, payload = pcall(native.dumps, self.list)
  if not ok then return fail(self.tasks, self, { kind = "unsendable", message = payload }) end
  finish(self.tasks, self, string.format("l:%.0f", self.ns), payload, self.cause)
end

-- What runs it needs nothing of this VM: texts, and the module by its name.
local function function_for(task)
  local mm, call = package.loaded.manymoons, nil
  return function(bytes, id, token)
    call = call or mm._require("broker.run").call
    return call(task, bytes, id, token)
  end
end

local function new_entry(self, task, key)
  local func, init = task.func, task.init
  local f = function_for({
    func = func:byte() == NAMED and func or nil, blob = func:sub(1, 2) == "b:" and func:sub(3) or self.blobs[func],
    opening = init ~= "" and init or nil, opening_blob = init:sub(1, 2) == "b:" and init:sub(3) or self.blobs[init],
    mode = task.options.mode, is_trusted = task.is_trusted, is_json = task.json ~= nil,
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
  local copy, mode, last = task.options.copy, task.options.mode, self.last
  local client = copy ~= "0" and name_of(task) or nil
  if last and last.func == task.func and last.init == task.init and last.mode == mode
    and last.is_trusted == task.is_trusted and last.copy == copy and last.client == client
    and last.is_json == (task.json ~= nil) then
    return last.entry
  end
  local key = table.concat({ task.func, task.init, tostring(mode), tostring(task.is_trusted), copy,
    task.json and "json" or client }, " ")
  local entry = self.entries[key] or new_entry(self, task, key)
  self.last = {
    func = task.func, init = task.init, mode = mode, is_trusted = task.is_trusted, copy = copy, client = client,
    is_json = task.json ~= nil, entry = entry,
  }
  return entry
end

-- As the task itself sees it; of a posted one that by which programs know it.
local function shown_id(self, task)
  local name = task.is_posted and codec.name_of(task) or task.client .. "-" .. task.seq
  return self.name_of_pool .. ":" .. name
end

local function run(self, task)
  local options = task.options
  local entry = entry_of(self, task)
  local job = {
    mode = options.mode == codec.CALL and codec.CALL or codec.MAP, entry = entry, count = options.count, base = 0,
    timeout = options.timeout or self.task_timeout, sink = task,
    retries = task.is_posted and 0 or math.max(0, options.retries - task.losses),
  }
  if options.mode == codec.CALL then
    job.args = checks.pack(task.body, shown_id(self, task), self.place .. " " .. task.id)
  else
    job.list, job.first = codec.decode_list(task.body, options.count), 1
    if not job.list then error("the items cannot be read", 0) end
  end
  entry.users = entry.users + 1
  task.state, task.started, self.running = "running", time(), self.running + 1
  if task.is_posted then self.reports:begin() end
  self.metrics:note_begin(self.name_of_pool, task, self.session:waited(task))
  -- a list can be put again from here; a task behind others could be taken back, at too high a cost
  task.job = base.put(self.pool, job, false, job.mode == codec.CALL and job.retries > 0)
end

local function try_to_run(self, task)
  local ok, why = pcall(run, self, task)
  if not ok then fail(self, task, { kind = "unsendable", message = tostring(why) }) end
end

-- Functions: fetched once, checked by their digest, which is signed with the task ------------------------------------

local want_function

local function note_function(self, name, first, blob)
  self.wanted[name] = nil
  local form = blob and blob:byte()
  if blob and codec.digest(blob) == name:sub(3) and (form == SOURCE or form == BYTECODE) then
    self.blobs[name] = blob
    self.blob_order[#self.blob_order + 1] = name
    if #self.blob_order > FUNCTIONS_KEPT then self.blobs[table.remove(self.blob_order, 1)] = nil end
  else
    self.missing[name] = { first = first, again = time() + LOOK_AGAIN }
  end
  self.has_news = true
end

-- False: it is not here yet.
function want_function(self, name)
  if name == "" or name:sub(1, 2) ~= "f:" or self.blobs[name] then return true end
  local missing = self.missing[name]
  if self.wanted[name] or (missing and missing.again > time()) then return false end
  self.wanted[name] = true
  local first = missing and missing.first or time()
  self.session:load(name, function(blob) note_function(self, name, first, blob) end)
  return false
end

local function is_hopeless(self, name)
  local missing = self.missing[name]
  return missing and time() - missing.first > GIVE_UP
end

-- Admission ----------------------------------------------------------------------------------------------------------

local function drop(self, task)
  self.session:ack(task)
  forget(self, task)
end

local settle

-- A function whose runs are limited: true if this one may begin.
local function has_place(self, task)
  local rate = task.options.rate
  if not rate or task.has_place then return true end
  if task.is_placing then return false end
  task.is_placing = true
  self.session:take_place(task, rate.count, rate.seconds, function(pause)
    if self.open[task.id] ~= task then return end
    task.is_placing, task.has_place = false, pause ~= nil
    if not pause then self.has_news = true return end
    if pause == 0 or task.state ~= "waiting" then return settle(self, task) end
    self.waiting[task.id] = nil
    end_with(self, task, { attempts = 0, pause = pause, has_place = true })
  end)
  return false
end

-- One of few tasks that may run at once: true if this one may begin.
local function has_entered(self, task)
  local most, digest = codec.read_limit(task.limit)
  if not most or task.has_entered then return true end
  if task.is_entering then return false end
  task.is_entering = true
  self.session:enter(task, most, digest, function(what)
    if self.open[task.id] ~= task then return end
    task.is_entering, task.has_entered = false, what == "in"
    if not what then self.has_news = true return end
    if what == "in" then return settle(self, task) end
    self.waiting[task.id] = nil
    forget(self, task)
  end)
  return false
end

-- Its pool was paused before it began.
local function put_back(self, task)
  self.waiting[task.id] = nil
  self.nack(task, 0)
  forget(self, task)
end

local function ask(self, task)
  if task.is_asked then return end
  task.is_asked = true
  self.session:is_open(task, function(is_open, is_paused)
    if self.open[task.id] ~= task then return end
    task.is_open, task.is_asked = is_open, is_open ~= nil
    if is_open and is_paused then return put_back(self, task) end
    if is_open == nil then self.has_news = true else settle(self, task) end
  end)
end

-- A task that waits: it runs, is refused or goes, if it can be said which.
function settle(self, task)
  if task.is_open == nil then return ask(self, task) end
  if not task.is_open then
    self.log("refused", { task = name_of(task), id = task.id, why = "it is a copy, or no client waits for it" })
    self.waiting[task.id] = nil
    return drop(self, task)
  end
  if task.pause and task.pause > 0 and not task.refusal then
    self.waiting[task.id] = nil
    return end_with(self, task, { attempts = 0, pause = task.pause })
  end
  if task.refusal then
    self.waiting[task.id] = nil
    return fail(self, task, { kind = "unsendable", message = task.refusal }, task.refusal)
  end
  if is_hopeless(self, task.func) or is_hopeless(self, task.init) then
    self.waiting[task.id] = nil
    return fail(self, task, { kind = "died", message = "the task's function is not on the server any more" })
  end
  local has_function = want_function(self, task.func)
  if not want_function(self, task.init) or not has_function or not has_entered(self, task)
    or not has_place(self, task) then
    return
  end
  self.waiting[task.id] = nil
  try_to_run(self, task)
end

-- Those that were waiting for something.
function Tasks.go_on(self)
  self.has_news = false
  local list = {}
  for _, task in pairs(self.waiting) do list[#list + 1] = task end
  table.sort(list, function(a, b) return a.place < b.place end)
  for _, task in ipairs(list) do
    if self.open[task.id] == task then settle(self, task) else self.waiting[task.id] = nil end
  end
end

-- nil: it may run; or why it may not
local function refusal_of(self, task)
  task.options = codec.decode_flags(task.flags)
  if not task.options then return "BadSignature: malformed task" end
  if task.malformed then return "malformed task: " .. task.malformed end
  if task.json and self.secrets[1] and not self.takes_json then
    return "the task is not signed: the worker has a secret, and takes no JSON (manymoons worker --json)"
  end
  if self.secrets[1] and not task.json then
    if not codec.is_task_signed(self.secrets, self.name_of_pool, task) then
      return "BadSignature: the task was not signed with a secret of this worker"
    end
    if task.options.expiry < os.time() then return "BadSignature: the task has expired" end
    task.is_trusted = true
  end
  if task.func:byte() == NAMED then
    local module = task.func:match("^n:([^:]+):")
    if not module then return "BadSignature: malformed name of a function" end
    if (self.imports or not task.is_trusted) and not (self.imports or {})[module] then
      return "the worker may not import '" .. module .. "' (manymoons worker --import)"
    end
  elseif not task.is_trusted then
    return "BadSignature: the worker has no secret, and runs named functions alone"
  end
  if task.init ~= "" and not task.is_trusted then return "BadSignature: an initializer has to be signed" end
end

-- A task that was delivered. The question whether it is open goes out with its functions'.
function Tasks.admit(self, task)
  task.tasks, task.state, task.list, task.ns, task.is_trusted = self, "waiting", {}, 0, false
  self.admitted = self.admitted + 1
  task.place = self.admitted
  setmetatable(task, Task)
  self.open[task.id] = task
  self.count, self.in_hand = self.count + 1, self.in_hand + 1
  self.lease:add(task)
  task.refusal = refusal_of(self, task)
  if task.refusal then self.log("refused", { id = task.id, why = task.refusal }) end
  if not codec.is_named(task) then return drop(self, task) end
  self.waiting[task.id] = task
  ask(self, task)
  if not task.refusal and want_function(self, task.func) then want_function(self, task.init) end
end

-- A task behind others in the local pool is stopped when it begins.
local function stop(self, task)
  if task.job and not base.cancel_task(self.pool, task.job) then self.to_stop[task.job] = true end
end

function Tasks.stop_asked(self)
  for job in pairs(self.to_stop) do
    if not base.is_open(self.pool, job) or base.cancel_task(self.pool, job) then self.to_stop[job] = nil end
  end
end

-- Another worker has the task, or no client waits for it. why: "lost" or "forgotten"
function Tasks.note_lost(self, id, why)
  local task = self.open[id]
  if not task or task.state == "ending" then return end
  self.log(why, { task = name_of(task), id = id })
  self.metrics:note_end(self.name_of_pool, task, "lost", task.started and time() - task.started)
  if task.state == "running" then stop_running(self, task) end
  self.waiting[id] = nil
  if why == "forgotten" then drop(self, task) else forget(self, task) end
  self.lost = self.lost + (why == "lost" and 1 or 0)
  stop(self, task)
end

-- Back to the server, for other workers, without a loss. For a daemon that leaves.
function Tasks.hand_back(self)
  for id, task in pairs(self.open) do
    if task.state ~= "ending" then
      self.nack(task, 0)
      self.log("handed back", { task = name_of(task), id = id })
      if task.state == "running" then stop_running(self, task) end
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

-- daemon: name, name_of_pool, place (of the pool among those that are served), session, secrets, imports, takes_json,
-- pool, lease, log, nack, task_timeout, reports, metrics
return function(daemon)
  for name, value in pairs({
    open = {}, waiting = {}, to_stop = {}, ending = {}, entries = {}, entry_order = {}, blobs = {}, blob_order = {},
    wanted = {}, missing = {}, durations = {}, last_duration = 0, admitted = 0,
    count = 0, in_hand = 0, running = 0, done = 0,
    failed = 0, lost = 0, busy = 0,
  }) do
    daemon[name] = value
  end
  return setmetatable(daemon, Tasks)
end
