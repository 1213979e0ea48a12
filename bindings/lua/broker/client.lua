-- SPDX-License-Identifier: MIT
-- The dispatcher of a pool on a broker: submits the pool's tasks, hands out results, and submits
-- again what the server has forgotten. Each task gives its sink exactly one outcome, whatever
-- becomes of workers and server: it stays in `_tasks` until then. When the session breaks it is
-- opened again, and everything that is open is compared with what the server has (resync).
--
--   task        as in pool/dispatcher.lua, and as in broker/backend.lua; number: the client counts its tasks, and
--               submits them in that order, each with the number that came before, so that a server that refused one
--               refuses those behind it; seq: the same as text
--   _line       tasks that are to be submitted, by number, from _line_first on
--   _chain      the number that was submitted last, as text; _accepted: the highest one that the server has said it has
--   _held       the line waits until then: the server had no room
--   _refused    tasks that were submitted and refused; they go back to the front of the line when every answer is here
--   _suspects   tasks that the server does not know, though it knows later ones: finished, or forgotten. Which of both
--               shows when all results that were waiting have been handed out.
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local hex = require("core.hex")
local waits = require("core.waits")
local backoff = require("broker.backoff")
local codec = require("broker.codec")
local cron = require("broker.cron")
local inspect = require("broker.inspect")
local letters = require("broker.letters")
local posting = require("broker.posting")
local schedules = require("broker.schedules")
local readers = require("broker.readers")
local broker = require("broker.settings")
local base = require("pool.dispatcher")
local open_pools = require("pool.open_pools")
local pumps = require("pool.pumps")

local of_kind, pack, time = errors.of_kind, checks.pack, native.time

local dispatch = setmetatable({}, { __index = base })

local CALL = codec.CALL
local BEAT, CHECK, STALL, LOOK_EVERY = 20, 2, 10, 0.05
local HOLD, FIRST_PAUSE, LONGEST_PAUSE, RECONNECT, CONNECT = 0.05, 0.05, 2, 2, 5
local BYTES_MOST = 64 * 1024 * 1024
local INLINE_MOST = 64 * 1024
local ROW = { name = "broker" } -- in the place of a world's

-- Whole numbers, on every Lua.
local function text_of(number) return (tostring(number):gsub("%.0$", "")) end
if math.type then text_of = tostring end

-- Functions ----------------------------------------------------------------------------------------------------------

local function new_entry(pool, f)
  local entry = codec.function_of(f)
  if entry.blob and not pool._secrets[1] then
    error("Pool: code is sent to " .. pool._broker .. " only with a secret (secret_file =), for it must be signed; "
      .. "a function of a module that the workers have can be named: 'module:name'", 0)
  end
  entry.users, entry.pool = 1, pool
  return entry
end

-- The entry of the function that was used last is kept for its next use: the pool is one user of it.
local function keep(pool, f, entry)
  local before = pool._kept
  pool._kept_function, pool._kept = f, entry
  entry.users = entry.users + 1
  if before then dispatch.drop_function(pool, before) end
end

function dispatch.add_function(pool, f)
  if pool._kept and f == pool._kept_function then
    pool._kept.users = pool._kept.users + 1
    return pool._kept
  end
  local entry = new_entry(pool, f)
  if type(f) == "string" or (type(f) == "function" and checks.is_pure(f)) then
    keep(pool, f, entry)
  else
    pool._copies = (pool._copies or 0) + 1
    entry.copy = pool._copies
  end
  return entry
end

-- Entries that need a function of the server are counted by its name. The server forgets it with the last of them.
function dispatch.drop_function(pool, entry)
  entry.users = entry.users - 1
  if entry.users > 0 or not entry.functions then return end
  local users = pool._users_of
  for name in pairs(entry.functions) do
    users[name] = users[name] > 1 and users[name] - 1 or nil
    if not users[name] and not pool._ended then pool._session:forget(name) end
  end
end

local function add_blob(pool, functions, entry)
  if not entry.blob then return end
  functions[entry.func] = entry.blob
  pool._users_of[entry.func] = (pool._users_of[entry.func] or 0) + 1
end

-- What the server has to have before a task of this entry.
local function functions_of(pool, entry)
  if entry.functions then return entry.functions end
  entry.functions = {}
  add_blob(pool, entry.functions, entry)
  if pool._opening then add_blob(pool, entry.functions, pool._opening) end
  return entry.functions
end

-- Outcomes -----------------------------------------------------------------------------------------------------------

local function end_task(pool, task)
  pool._tasks[task.number] = nil
  pool._pending = pool._pending - 1
  pool._bytes = pool._bytes - task.size
  dispatch.drop_function(pool, task.entry)
  task.sink:finished(task)
end

local function fail_task(pool, task, make_error)
  for index = 1, task.count do task.sink:fail(task, index, make_error()) end
  end_task(pool, task)
end

local function fail_all(pool, make_error)
  local numbers = {}
  for number in pairs(pool._tasks) do numbers[#numbers + 1] = number end
  table.sort(numbers)
  for _, number in ipairs(numbers) do
    local task = pool._tasks[number]
    if task then fail_task(pool, task, make_error) end
  end
  base.fail_deferred(pool, make_error)
end

local function hand_out_list(pool, task, payload, ns)
  local list = codec.decode_list(payload, task.count)
  if not list then
    return fail_task(pool, task, function()
      return of_kind("unsendable", "the results cannot be read")
    end)
  end
  local results, failures = {}, nil
  for i = 1, task.count do
    local ok, value = codec.decode_outcome(list[i], pool._is_trusted)
    if ok then
      results[i] = value
    else
      failures = failures or {}
      failures[i] = value
    end
  end
  task.sink:take(task, 1, task.count, ns, results, failures)
  end_task(pool, task)
end

local function hand_out(pool, task, kind, payload)
  local ns = tonumber(kind:match("^%a:(%d+)$")) or 0
  if kind:byte() == 108 and task.mode ~= CALL then return hand_out_list(pool, task, payload, ns) end -- "l"
  local ok, values = codec.decode_outcome(payload, pool._is_trusted)
  if not ok then
    if task.mode ~= CALL then return fail_task(pool, task, function() return values end) end
    values = pack(values)
  end
  if task.mode ~= CALL or (ok and (type(values) ~= "table" or type(values.n) ~= "number")) then
    return fail_task(pool, task, function()
      return of_kind("unsendable", "malformed result")
    end)
  end
  task.sink:take_call(task, ok, values)
  end_task(pool, task)
end

local function report_forgery(pool, task)
  if task.has_forgery then return end
  task.has_forgery = true
  diagnostics.report("pool '" .. pool._name .. "': a forged outcome of task " .. task.seq .. " was passed over: it is "
    .. "not signed with this program's secret")
end

-- An outcome that is not signed with a secret of this program is passed over: while the server says that the task is
-- open, the true one may come.
local function pass_over(pool, task)
  local doubted = pool._doubted
  if doubted[task] then return end
  doubted[task] = "asked"
  pool._session:is_open(task.seq, function(is_open)
    doubted[task] = is_open == false and "answered" or nil
    if is_open then report_forgery(pool, task) end
  end)
end

-- Of tasks that are not open everything has come. If there was no true outcome, the workers have another secret.
local function settle_doubted(pool)
  for task, state in pairs(pool._doubted) do
    if state == "answered" then
      pool._doubted[task] = nil
      if pool._tasks[task.number] ~= task then
        report_forgery(pool, task)
      else
        fail_task(pool, task, function()
          return of_kind("unsendable", "BadSignature: the result was signed with another secret than this program's")
        end)
      end
    end
  end
end

local function take_result(pool, seq, kind, payload, mac)
  local number = tonumber(seq)
  local task = number and pool._tasks[number]
  if not task or task.seq ~= seq then return end -- a second outcome, or of a task that was cancelled
  if pool._secrets[1] and not codec.is_result_signed(pool._secrets, pool._name, task, kind, payload, mac) then
    return pass_over(pool, task)
  end
  hand_out(pool, task, kind, payload)
end

-- What is refused does not get better by itself; everything else might, on a new connection.
local function note_trouble(pool, why, kind)
  pool._is_stale = why
  if kind ~= "refused" then return end
  pool._broken = of_kind("died", "the broker refuses: " .. why)
end

-- Submitting ---------------------------------------------------------------------------------------------------------

local function put_in_line(pool, task)
  pool._line_last = pool._line_last + 1
  pool._line[pool._line_last] = task
end

-- Those refused, and those that wait: by number, for the server takes them in no other order.
local function line_up(pool, tasks)
  for place = pool._line_first, pool._line_last do tasks[#tasks + 1] = pool._line[place] end
  table.sort(tasks, function(a, b) return a.number < b.number end)
  pool._line, pool._line_first, pool._line_last = tasks, 1, #tasks
end

-- verdict, why: see broker/backend.lua
local function note_submitted(pool, task, verdict, why)
  pool._unanswered = pool._unanswered - 1
  if verdict == "taken" then
    if task.number > pool._accepted then pool._accepted = task.number end
    pool._is_probing = false
    return
  end
  if verdict == "stale" or (verdict == "gap" and #pool._refused == 0) then
    pool._is_stale = why
  elseif verdict ~= "gap" and verdict ~= "again" then
    pool._held, pool._is_probing = time() + HOLD, true
    pool._refusal, pool._refusal_kind = why, verdict
  end
  pool._refused[#pool._refused + 1] = task
end

local function submit(pool, task)
  local entry, opening, before = task.entry, pool._opening, pool._chain
  task.func, task.init = entry.func, opening and opening.func or ""
  task.abi = (entry.is_bytecode or opening) and broker.abi() or ""
  task.mac = codec.sign_task(pool._secrets, pool._name, task)
  pool._chain, pool._unanswered = task.seq, pool._unanswered + 1
  pool._session:submit(task, before, functions_of(pool, entry))
end

-- The server has answered for all: those that it refused go again.
local function go_back(pool)
  if pool._refusal_kind == "refused" then return note_trouble(pool, pool._refusal, "refused") end
  local tasks = {}
  for _, task in ipairs(pool._refused) do
    if pool._tasks[task.number] == task then tasks[#tasks + 1] = task end
  end
  pool._refused, pool._chain = {}, text_of(pool._accepted)
  line_up(pool, tasks)
end

local function send_line(pool)
  if #pool._refused > 0 then
    if pool._unanswered > 0 then return end
    go_back(pool)
    if pool._broken then return end
  end
  if (pool._held and pool._held > time()) or (pool._is_probing and pool._unanswered > 0) then return end
  pool._held = nil
  while pool._line_first <= pool._line_last do
    local task = pool._line[pool._line_first]
    pool._line[pool._line_first] = nil
    pool._line_first = pool._line_first + 1
    if pool._tasks[task.number] == task then
      submit(pool, task)
      if pool._is_probing then return end -- one, until there is room again
    end
  end
end

-- The session --------------------------------------------------------------------------------------------------------

local function disconnect(pool, why)
  pool._session:close(why)
  pool._is_connected, pool._is_stale = false, nil
  pool._retry_pause = backoff(pool._retry_pause, FIRST_PAUSE, LONGEST_PAUSE)
  pool._retry_at = time() + pool._retry_pause
end

-- Finished tasks are gone already; tasks unknown to the server are submitted again, with a new
-- number, because the old one is below the highest that the server knows.
local function submit_forgotten(pool)
  local suspects, again = pool._suspects, {}
  pool._suspects = nil
  for _, task in ipairs(suspects) do
    if pool._tasks[task.number] == task then
      pool._tasks[task.number] = nil
      pool._last_number = pool._last_number + 1
      task.number = pool._last_number
      task.seq = text_of(task.number)
      pool._tasks[task.number] = task
      again[#again + 1] = task
    end
  end
  line_up(pool, again)
end

local function note_state(pool, high, is_open, why, kind)
  if not high then return note_trouble(pool, why, kind) end
  local line, suspects = {}, {}
  for number, task in pairs(pool._tasks) do
    if number > high then
      line[#line + 1] = task
    elseif not is_open[number] then
      suspects[#suspects + 1] = task
    end
  end
  pool._accepted, pool._chain, pool._refused = high, text_of(high), {}
  pool._line_first, pool._line_last, pool._line = 1, 0, {}
  line_up(pool, line)
  pool._suspects = suspects
  pool._has_state = true
end

-- The session is new: everything is compared.
local function resync(pool)
  pool._unanswered, pool._has_state, pool._suspects, pool._held, pool._doubted = 0, false, nil, nil, {}
  local now = time()
  pool._next_beat, pool._next_check = now + math.min(BEAT, pool._abi_wait), now + CHECK
  pool._session:state(function(...) note_state(pool, ...) end)
end

local function connect(pool, seconds)
  local opened, why = pool._session:open(seconds)
  if not opened then
    disconnect(pool, why)
    return nil, why
  end
  pool._is_connected = true
  resync(pool)
  return true
end

local function note_workers(pool, look) pool._size = math.max(1, look.slots > 0 and look.slots or pool._size) end

-- No worker of this pool has this program's Lua, though there are others.
local function check_abi(pool, look)
  if look.slots == 0 or look.abis[broker.abi()] or not next(pool._tasks) then
    pool._lonely_since = nil
    return
  end
  pool._lonely_since = pool._lonely_since or time()
  if time() - pool._lonely_since < pool._abi_wait then return end
  for _, task in pairs(pool._tasks) do
    if task.entry.is_bytecode then
      fail_task(pool, task, function()
        return of_kind("unsendable",
          "no worker of '" .. pool._name .. "' runs the Lua of this program; send source, or a name")
      end)
    end
  end
end

local function look_at_workers(pool)
  inspect.workers(pool._session, function(look)
    note_workers(pool, look)
    check_abi(pool, look)
  end)
end

local function note_known(pool, is_known, why)
  if pool._pending > 0 and pool._accepted > 0 and not is_known then
    pool._is_stale = why or "the server has forgotten this client"
  end
end

-- What the server keeps for this client lives on; and it is noticed when all of it is gone.
local function keep_alive(pool)
  local now = time()
  if pool._pending > 0 and pool._unanswered == 0 and now >= pool._next_check then
    pool._next_check = now + CHECK
    pool._session:heartbeat(function(...) note_known(pool, ...) end)
  end
  if now < pool._next_beat then return end
  pool._next_beat = now + math.min(BEAT, pool._abi_wait)
  look_at_workers(pool)
end

-- Whether something came, or false; nil: the session is of no use any more.
local function read(pool)
  local has_read, why, kind = pool._session:read()
  if pool._ended then return true end
  if has_read == nil then note_trouble(pool, why, kind) end
  if has_read then readers.wake(pool._readers) end
  if not pool._is_stale then return has_read end
  disconnect(pool, pool._is_stale)
  return nil
end

-- Everything that can be done without waiting; false: there is no connection.
local function work(pool)
  if not pool._is_connected then
    if time() < pool._retry_at or not connect(pool, RECONNECT) then return false end
  end
  local has_read = read(pool)
  if has_read == nil then return false end
  if pool._ended then return true end
  if has_read then pool._retry_pause = nil end
  keep_alive(pool)
  if pool._session.is_caught_up and next(pool._doubted) then settle_doubted(pool) end
  if pool._suspects and pool._session.is_caught_up then submit_forgotten(pool) end
  if pool._has_state then
    send_line(pool)
    if pool._pending > 0 or not pool._session.is_caught_up then pool._session:results() end
  end
  pool._session:flush()
  return true
end

local function protected_work(pool)
  pool._is_working = true
  local ok, result = pcall(work, pool)
  pool._is_working = false
  if not ok then error(result, 0) end
  if pool._broken and not pool._ended then
    local err = pool._broken
    dispatch.end_pool(pool)
    fail_all(pool, function() return err end)
  end
  return result
end

-- One round, for the sake of `thing`, if there is one; false: the time is up.
local function pump(pool, deadline, thing)
  local is_connected = protected_work(pool)
  base.run_callbacks(pool)
  if pool._ended or pool._progress ~= pool._pending or (thing and thing._is_done) then
    pool._progress = pool._pending
    return true
  end
  local now = time()
  if deadline and now >= deadline then return false end
  local seconds = LOOK_EVERY
  if is_connected and not pool._held then seconds = 1 end
  if not is_connected then seconds = math.max(0, math.min(pool._retry_at - now, 1)) end
  if deadline then seconds = math.min(seconds, deadline - now) end
  if is_connected then readers.sleep(pool._readers, pool._poller:fileno(), seconds) else waits.sleep(seconds) end
  return true
end

local function pump_until(pool, thing, timeout)
  local deadline = timeout and time() + timeout
  while not thing._is_done do
    if pool._ended then return nil, "cancelled" end
    if pool._is_working then -- another task, or thread, of this program
      waits.sleep(0.001)
    elseif not pump(pool, deadline, thing) and not thing._is_done then
      return nil, "timeout"
    end
  end
  return true
end

function dispatch.pump_until(pool, thing, timeout) return pumps.until_done(pool, thing, timeout, pump_until) end

-- Tasks --------------------------------------------------------------------------------------------------------------

-- Not from within the pool's own work: a list that is fed there waits in line.
local function wait_for_room(pool)
  while not pool._is_working and not pool._ended
    and (pool._pending >= pool._window or pool._bytes >= BYTES_MOST) and pool._pending > 0 do
    pump(pool)
  end
  if pool._broken then errors.raise(pool._broken) end
end

function dispatch.put(pool, task)
  wait_for_room(pool)
  task.body = codec.encode_body(task)
  task.flags = codec.encode_flags(task)
  pool._last_number = pool._last_number + 1
  task.number, task.size = pool._last_number, #task.body
  task.id, task.client, task.seq = task.number, pool._client, text_of(task.number)
  pool._tasks[task.number] = task
  pool._pending, pool._bytes = pool._pending + 1, pool._bytes + task.size
  put_in_line(pool, task)
  return task
end

-- A closure that is called once travels with its call, and leaves nothing behind on the server.
local function add_call(pool, f)
  local entry = dispatch.add_function(pool, f)
  if entry.copy and entry.blob and #entry.blob <= INLINE_MOST then entry.func, entry.blob = "b:" .. entry.blob, nil end
  return entry
end

function dispatch.submit_call(pool, f, opts, args, sink, _, entry)
  local task = dispatch.put(pool, {
    mode = CALL, entry = entry or add_call(pool, f), sink = sink, args = args, count = 1,
    timeout = checks.time_limit(opts, pool._timeout), retries = opts and opts.retries or pool._retries,
  })
  if not pool._is_working then protected_work(pool) end
  return task
end

-- Posted tasks: the server keeps them, and the pool has no part in them any more -------------------------------------

local ASK_AGAIN = { stale = true, again = true, later = true }

-- The answer; nil: not yet
local function try_to_ask(pool, where, name, ...)
  if pool._ended then checks.fail(where .. ": the pool is closed") end
  if pool._is_working or not protected_work(pool) then return nil end
  local answer, why, kind = pool._session[name](pool._session, ...)
  if answer ~= nil or ASK_AGAIN[kind] then return answer end
  checks.fail(where .. ": " .. pool._broker .. ": " .. why)
end

-- The answer to a request that may be made again; a server that is down is waited for.
local function ask_until_answered(pool, where, ...)
  while true do
    local answer = try_to_ask(pool, where, ...)
    if answer ~= nil then return answer end
    if pool._broken then errors.raise(pool._broken) end
    waits.sleep(pool._is_working and 0.001 or HOLD)
  end
end

-- What posts, and the function's entry.
local function poster_of(pool, f)
  local entry = new_entry(pool, f)
  pool._posts = pool._posts + 1
  return {
    name = pool._name, secrets = pool._secrets, client = pool._poster, number = pool._posts, opening = pool._opening,
    abi = broker.abi(), timeout = pool._timeout, retries = pool._retries,
  }, entry
end

-- The id, once the server has the task; or that of another one, and "duplicate".
function dispatch.post(pool, f, args, opts)
  local by, entry = poster_of(pool, f)
  local task = posting.new_task(by, f, entry, args, opts)
  return posting.id_after(pool._name, task, ask_until_answered(pool, "Pool:post", "post", task))
end

-- The time of the next run, once the server has the schedule.
function dispatch.schedule(pool, name, text, f, args, opts)
  local times = schedules.check_times(text, "Pool:schedule")
  local by, entry = poster_of(pool, f)
  local schedule = schedules.new(by, name, text, f, entry, args, opts)
  return ask_until_answered(pool, "Pool:schedule", "schedule", schedule, function(now) return cron.next(times, now) end)
end

function dispatch.unschedule(pool, name) return ask_until_answered(pool, "Pool:unschedule", "unschedule", name) end

local function cancel_task(pool, task)
  if pool._tasks[task.number] ~= task then return false end
  pool._session:cancel(task.seq)
  fail_task(pool, task, base.cancelled_error)
  return true
end

function dispatch.cancel(pool, work_of)
  local any = false
  for _, task in pairs(work_of.tasks or { work_of }) do any = cancel_task(pool, task) or any end
  pool._session:flush()
  return any
end

function dispatch.is_running() return false end -- the server does not say

-- The life of a pool -------------------------------------------------------------------------------------------------

function dispatch.maintain(pool)
  if pool._ended then return false end
  if not pool._is_working and (pool._pending > 0 or time() >= pool._next_beat) then
    protected_work(pool)
    base.run_callbacks(pool)
  end
  return true
end

function dispatch.size(pool) return pool._size end
function dispatch.has_ended(pool) return pool._ended == true end
function dispatch.is_closed(pool) return pool._closed == true end
function dispatch.failure(pool) return pool._broken end
function dispatch.is_open(pool, task) return pool._tasks[task.number] == task end
function dispatch.take_last() end
function dispatch.withdraw() return 0 end -- the tasks stay on the server
function dispatch.waitable(pool) return pool._poller:fileno(), false end

function dispatch.end_pool(pool)
  pool._ended, pool._closed = true, true
  readers.wake(pool._readers)
  base.forget(pool)
  pool._session:close()
  pool._poller:close()
end

-- Best-effort cleanup on the server, one second at most.
local function deregister(pool) pool._session:deregister(1) end

function dispatch.terminate(pool)
  if pool._config.pid == native.pid() then deregister(pool) end
  dispatch.end_pool(pool)
  fail_all(pool, function()
    return of_kind("cancelled", "the pool was terminated")
  end)
  base.run_callbacks(pool)
end

-- The server forgets a client that does not report.
function dispatch.abandon(pool) dispatch.end_pool(pool) end

function dispatch.close(pool) pool._closed = true end

function dispatch.join(pool, deadline)
  while pool._pending > 0 and not pool._ended do
    if not pump(pool, deadline) and pool._pending > 0 then return nil, "timeout" end
  end
  if pool._ended then return true end
  pool._last_stats = dispatch.stats(pool)
  deregister(pool)
  dispatch.end_pool(pool)
  return true
end

function dispatch.check_open(pool, where)
  open_pools.check_home(pool, where)
  if pool._broken then errors.raise(pool._broken) end
  if pool._closed then checks.fail(where .. ": the pool is closed") end
  dispatch.maintain(pool)
end

-- For each worker process: name, pid, host, tasks, busy, …
function dispatch.stats(pool)
  if pool._ended then return pool._last_stats or {} end
  local box = {}
  if protected_work(pool) then
    inspect.workers(pool._session, function(look)
      note_workers(pool, look)
      box._is_done, box.list = true, look.list
    end)
    dispatch.pump_until(pool, box, STALL)
  end
  return box.list or {}
end

function dispatch.measures(pool) return dispatch.stats(pool) end

local DEAD_MOST = 100

-- Asks over the pool's session, and waits.
local function ask(pool, name, argument)
  if not protected_work(pool) then return nil, "no connection to " .. pool._broker end
  return pool._session[name](pool._session, argument)
end

function dispatch.dead(pool) return ask(pool, "dead", DEAD_MOST) end

function dispatch.retry(pool, id)
  if not protected_work(pool) then return nil, "no connection to " .. pool._broker end
  return letters.retry(pool._session, pool._secrets, pool._name, id)
end

local function make_opening(pool)
  if not pool._initializer then return nil end
  local call, args, unpack = pool._initializer, pool._initargs, checks.unpack
  return new_entry(pool, function() return call(unpack(args, 1, args.n)) end)
end

local function check(pool, ok, why)
  if not ok then checks.fail("Pool: broker: " .. pool._broker .. ": " .. tostring(why)) end
end

local function new_session(pool)
  return pool._settings.backend.Client.new(pool._settings, {
    name = pool._name, client = pool._client, abi = broker.abi(), poller = pool._poller,
    on_submitted = function(task, verdict, why) note_submitted(pool, task, verdict, why) end,
    on_result = function(...) take_result(pool, ...) end,
  })
end

-- pool: what broker.read_pool says
function dispatch.begin(pool)
  local poller, why = native.poller_new()
  if not poller then checks.fail("Pool: broker: " .. why) end
  for name, value in pairs({
    _dispatcher = dispatch, _queue = base.new_queue(),
    _config = {
      name = pool._name, row = ROW, world = ROW.name, broker = pool._broker, initializer = pool._initializer,
      initargs = pool._initargs, timeout = pool._timeout, retries = pool._retries, takes_text = true,
      pid = native.pid(), context = identity.execution_context(),
    },
    _poller = poller, _client = hex(native.random_bytes(12)),
    _poster = hex(native.random_bytes(12)), _posts = 0,
    _is_trusted = pool._secrets[1] ~= nil, _size = pool._wanted_size or native.cpu_count(), _readers = {},
    _tasks = {}, _pending = 0, _bytes = 0, _last_number = 0, _progress = 0, _retry_at = 0,
    _next_beat = 0, _next_check = 0, _line = {}, _line_first = 1, _line_last = 0, _refused = {}, _chain = "0",
    _accepted = 0, _unanswered = 0, _users_of = {}, _doubted = {},
  }) do
    pool[name] = value
  end
  pool._session = new_session(pool)
  check(pool, pool._session:examine(STALL))
  pool._opening = make_opening(pool)
  if pool._opening and pool._opening.blob then pool._users_of[pool._opening.func] = 1 end
  check(pool, connect(pool, CONNECT))
  -- What is submitted next goes out at once: nothing can, before the server has said what it has.
  pool._session:await(CONNECT, function() return pool._has_state or pool._is_stale end)
  look_at_workers(pool)
  base.remember(pool)
  protected_work(pool)
  return pool
end

return dispatch
