-- SPDX-License-Identifier: MIT
-- The dispatch of a pool on an engine: puts tasks into the pool's stream, hands out results, and submits again what the
-- server has forgotten. Each task gives its sink exactly one outcome, whatever becomes of workers and server: it stays
-- in `_tasks` until then, and is looked for, by its number, whenever there is reason to.
--
-- Two connections: over `_sender` go commands that are answered at once, over `_receiver` one read of the stream of
-- results that waits. When either breaks both are opened again, and everything that is open is compared with what the
-- server has (resync).
--
--   task     as in pool_dispatch.lua; number: the client counts its tasks, and submits them in that order, each saying
--            which number came before, so that a server that refused one refuses those behind it
--   _line    tasks that are to be submitted, by number, from _line_first on
--   _chain   the number that was submitted last, as text; _accepted: the highest one that the server has said it has
--   _held    the line waits until then: the server had no room
--   _refused tasks that were submitted and refused; they go back to the front of the line when every answer is here
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local hex = require("core.hex")
local waits = require("core.waits")
local wire = require("broker.codec")
local connection = require("broker.redis.connection")
local inspect = require("broker.inspect")
local broker = require("broker.settings")
local base = require("pool.dispatcher")

local new_error, pack, time = errors.new_error, checks.pack, native.time

local dispatch = setmetatable({}, { __index = base })

local CALL = wire.CALL
local LIFE_MS = "3600000" -- of what the server keeps for a client that is silent
local BLOB_SECONDS = 7 * 24 * 3600
local BEAT, CHECK, BLOCK, STALL, LOOK_EVERY = 20, 2, 5, 10, 0.05
local HOLD, FIRST_PAUSE, LONGEST_PAUSE, RECONNECT = 0.05, 0.05, 2, 2
local AT_ONCE = 512 -- results in one reply
local BYTES_MOST = 64 * 1024 * 1024
local INLINE_MOST, SENT_MOST = 64 * 1024, 4096
local ROW = { name = "engine" } -- in the place of a world's
local SCRIPTS_OF_SENDER = { "submit", "cancel" }

-- Whole numbers, on every Lua.
local function text_of(number) return (tostring(number):gsub("%.0$", "")) end
if math.type then text_of = tostring end

-- Functions ----------------------------------------------------------------------------------------------------------

local function new_entry(pool, f)
  local entry = wire.function_of(f)
  if entry.blob and not pool._secrets[1] then
    error("Pool: code is sent to " .. pool._engine .. " only with a secret (secret_file =), for it must be signed; "
      .. "a function of a module that the workers have can be named: 'module:name'", 0)
  end
  entry.users, entry.pool = 1, pool
  return entry
end

local function is_pure(f)
  if type(f) ~= "function" then return true end
  local name = debug.getupvalue(f, 1)
  return name == nil or (name == "_ENV" and debug.getupvalue(f, 2) == nil)
end

function dispatch.add_function(pool, f)
  if pool._kept and f == pool._kept_function then
    pool._kept.users = pool._kept.users + 1
    return pool._kept
  end
  local entry = new_entry(pool, f)
  if is_pure(f) then
    pool._kept_function, pool._kept = f, entry
  else
    pool._copies = (pool._copies or 0) + 1
    entry.copy = pool._copies
  end
  return entry
end

function dispatch.drop_function(_, entry) entry.users = entry.users - 1 end

-- The names of those that were sent are kept until the connection ends.
local function note_blob(at, _, failure)
  if failure then
    at.pool._sent[at.name] = nil
    at.pool._held = time() + HOLD
  end
end

-- Before the first task that needs it, in each connection's life.
local function send_blob(pool, entry)
  if not entry.blob or pool._sent[entry.f] then return end
  pool._sent_count = pool._sent_count + 1
  if pool._sent_count > SENT_MOST then pool._sent, pool._sent_count = {}, 1 end
  pool._sent[entry.f] = true
  pool._sender:send(note_blob, { pool = pool, name = entry.f }, "SET", pool._key .. entry.f, entry.blob, "EX",
    tostring(BLOB_SECONDS))
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
end

local function hand_out_list(pool, task, payload, ns)
  local list = wire.decode_list(payload, task.count)
  if not list then
    return fail_task(pool, task, function()
      return new_error({ kind = "unsendable", message = "the results cannot be read", traceback = "" })
    end)
  end
  local results, failures = {}, nil
  for i = 1, task.count do
    local ok, value = wire.decode_outcome(list[i], pool._is_trusted)
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
  if kind:byte() == 108 then return hand_out_list(pool, task, payload, ns) end -- "l"
  local ok, values = wire.decode_outcome(payload, pool._is_trusted)
  if not ok then
    if task.mode ~= CALL then return fail_task(pool, task, function() return values end) end
    values = pack(values)
  end
  if task.mode ~= CALL or (ok and (type(values) ~= "table" or type(values.n) ~= "number")) then
    return fail_task(pool, task, function()
      return new_error({ kind = "unsendable", message = "these are no results of such a call", traceback = "" })
    end)
  end
  task.sink:take_call(task, ok, values)
  end_task(pool, task)
end

local function take_result(pool, fields)
  local number, kind, payload, signature = tonumber(fields[2]), fields[4], fields[6], fields[8]
  local task = number and pool._tasks[number]
  if not task then return end -- a second outcome, or of a task that was cancelled
  local is_signed = wire.is_result_signed(pool._secrets, pool._name, pool._client, fields[2], kind, payload, signature)
  if pool._secrets[1] and not is_signed then
    return fail_task(pool, task, function()
      return new_error({
        kind = "unsendable", traceback = "",
        message = "BadSignature: the result was signed with another secret than this program's",
      })
    end)
  end
  hand_out(pool, task, kind, payload)
end

-- NOPERM and the like do not get better by themselves; everything else might, on a new connection.
local function is_final(failure) return failure and (failure:find("^NOPERM") or failure:find("^NOAUTH")) end

local function note_trouble(pool, failure)
  pool._is_stale = failure
  if not is_final(failure) then return end
  pool._broken = new_error({ kind = "died", message = "the engine refuses: " .. failure, traceback = "" })
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

local function note_submitted(task, id, failure)
  local pool = task.entry.pool
  pool._unanswered = pool._unanswered - 1
  if not failure and id ~= "GAP" and id ~= "FULL" then
    if task.number > pool._accepted then pool._accepted = task.number end
    pool._is_probing = false
    return
  end
  if id == "GAP" and #pool._refused == 0 then
    pool._is_stale = "the server has forgotten tasks"
  elseif failure and failure:find("^NOSCRIPT") then
    pool._needs_scripts = true
  elseif failure and (failure:find("^READONLY") or failure:find("^LOADING") or failure:find("^MASTERDOWN")) then
    pool._is_stale = failure
  elseif failure or id == "FULL" then
    pool._held, pool._is_probing = time() + HOLD, true
    pool._refusal = failure or "the stream is full"
  end
  pool._refused[#pool._refused + 1] = task
end

local function submit(pool, task)
  local keys, entry, opening = pool._keys, task.entry, pool._opening
  send_blob(pool, entry)
  if opening then send_blob(pool, opening) end
  local c, f, i, s, x, b = pool._client, entry.f, opening and opening.f or "", task.s, task.x, task.b
  local before = pool._chain
  pool._chain, pool._unanswered = s, pool._unanswered + 1
  local stream = (entry.is_bytecode or opening) and keys.own_tasks or keys.tasks
  pool._sender:script(note_submitted, task, "submit", "2", stream, keys.open, before, s, "0",
    LIFE_MS, "c", c, "s", s, "n", "0", "f", f, "i", i, "x", x, "b", b, "m",
    wire.sign_task(pool._secrets, pool._name, c, s, f, i, x, b))
  if pool._settings.wait then pool._needs_wait = true end
end

-- The server said no to some: when it has said what it thinks of the others, too, they go again.
local function go_back(pool)
  if is_final(pool._refusal) then return note_trouble(pool, pool._refusal) end
  if pool._needs_scripts then pool._sender:load_scripts() end
  pool._needs_scripts = nil
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
  if pool._needs_wait then
    pool._sender:send(nil, nil, "WAIT", pool._settings.wait, "100")
    pool._needs_wait = nil
  end
end

-- Receiving ----------------------------------------------------------------------------------------------------------

local function note_results(pool, reply, failure)
  pool._is_reading = false
  if failure then return note_trouble(pool, failure) end
  local entries = reply and reply[1] and reply[1][2] or {}
  if #entries == 0 and pool._is_catching_up then pool._is_catching_up = false end
  for i = 1, #entries do
    if pool._ended then return end
    pool._last_result = entries[i][1]
    take_result(pool, entries[i][2])
  end
end

-- What was read is forgotten, and more is waited for. While it catches up nothing is waited for, so that the end of
-- what there is shows.
local function ask_for_results(pool)
  if pool._is_reading or (pool._pending == 0 and not pool._is_catching_up) then return end
  local receiver, results = pool._receiver, pool._keys.results
  if pool._last_result ~= pool._trimmed then
    receiver:send(nil, nil, "XTRIM", results, "MINID", pool._last_result)
    pool._trimmed = pool._last_result
  end
  pool._is_reading, pool._read_since = true, time()
  if pool._is_catching_up then
    receiver:send(note_results, pool, "XREAD", "COUNT", tostring(AT_ONCE), "STREAMS", results, pool._last_result)
  else
    receiver:send(note_results, pool, "XREAD", "COUNT", tostring(AT_ONCE), "BLOCK", tostring(BLOCK * 1000), "STREAMS",
      results, pool._last_result)
  end
end

-- Connections --------------------------------------------------------------------------------------------------------

local function disconnect(pool, why)
  pool._sender:close(why)
  pool._receiver:close(why)
  pool._is_connected, pool._is_stale = false, nil
  pool._retry_pause = math.min(LONGEST_PAUSE, (pool._retry_pause or FIRST_PAUSE / 2) * 2)
  pool._retry_at = time() + pool._retry_pause
end

-- Whoever has an answer is out by now; whoever the server does not know is submitted again, with the number it has if
-- that is above all that the server knows, or else with a new one.
local function submit_forgotten(pool)
  local suspects, again = pool._suspects, {}
  pool._suspects = nil
  for _, task in ipairs(suspects) do
    if pool._tasks[task.number] == task then
      pool._tasks[task.number] = nil
      pool._last_number = pool._last_number + 1
      task.number = pool._last_number
      task.s = text_of(task.number)
      pool._tasks[task.number] = task
      again[#again + 1] = task
    end
  end
  line_up(pool, again)
end

-- What the server has of this client: fields and values of its hash.
local function note_state(pool, reply, failure)
  if failure then return note_trouble(pool, failure) end
  local is_open, high = {}, 0
  for i = 1, #reply, 2 do
    if reply[i] == "hw" then high = tonumber(reply[i + 1]) else is_open[tonumber(reply[i])] = true end
  end
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

-- Both connections are new: everything is compared.
local function resync(pool)
  pool._sent, pool._sent_count = {}, 0
  pool._unanswered, pool._has_state, pool._suspects, pool._held = 0, false, nil, nil
  pool._is_reading, pool._is_catching_up, pool._last_result, pool._trimmed = false, true, "0-0", "0-0"
  local now = time()
  pool._next_beat, pool._next_check, pool._read_since = now + math.min(BEAT, pool._abi_wait), now + CHECK, now
  pool._sender:send(note_state, pool, "HGETALL", pool._keys.open)
end

local function connect(pool, seconds)
  local opened, why = pool._sender:open(seconds)
  if opened then opened, why = pool._receiver:open(seconds) end
  if not opened then
    disconnect(pool, why)
    return nil, why
  end
  pool._is_connected = true
  resync(pool)
  return true
end

local function note_beat(pool, reply, failure)
  if pool._pending > 0 and pool._accepted > 0 and (failure or reply == 0) then
    pool._is_stale = failure or "the server has forgotten this client"
  end
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
        return new_error({
          kind = "unsendable", traceback = "",
          message = "no worker of '" .. pool._name .. "' runs the Lua of this program; send source, or a name",
        })
      end)
    end
  end
end

local function look_at_workers(pool)
  inspect.workers(pool._sender, pool._key, function(look)
    note_workers(pool, look)
    check_abi(pool, look)
  end)
end

-- What the server keeps for this client lives on; and it is noticed when all of it is gone.
local function beat(pool)
  local now = time()
  if pool._pending > 0 and pool._unanswered == 0 and now >= pool._next_check then
    pool._next_check = now + CHECK
    pool._sender:send(note_beat, pool, "PEXPIRE", pool._keys.open, LIFE_MS)
  end
  if now < pool._next_beat then return end
  pool._next_beat = now + math.min(BEAT, pool._abi_wait)
  pool._sender:send(nil, nil, "PEXPIRE", pool._keys.results, LIFE_MS)
  look_at_workers(pool)
end

local function check_connections(pool)
  local sender, receiver, now = pool._sender, pool._receiver, time()
  if sender:under_way() == 0 then
    pool._sender_since = nil
  else
    pool._sender_since = pool._sender_since or now
  end
  local is_stalled = (pool._sender_since and now - pool._sender_since > STALL)
    or (pool._is_reading and now - pool._read_since > BLOCK + STALL)
  if not sender.link or not receiver.link or pool._is_stale or is_stalled then
    disconnect(pool, sender.why or receiver.why or pool._is_stale or "no answer")
    return false
  end
  return true
end

-- Everything that can be done without waiting; false: there is no connection.
local function work(pool)
  if not pool._is_connected then
    if time() < pool._retry_at or not connect(pool, RECONNECT) then return false end
  end
  local has_read = pool._sender:read()
  has_read = pool._receiver:read() or has_read
  if has_read then pool._sender_since, pool._retry_pause = nil, nil end
  if pool._ended then return true end
  if not check_connections(pool) then return false end
  beat(pool)
  if pool._suspects and not pool._is_catching_up then submit_forgotten(pool) end
  if pool._has_state then
    send_line(pool)
    ask_for_results(pool)
  end
  pool._sender:flush()
  pool._receiver:flush()
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

local function sleep(pool, seconds)
  pool._waiters = pool._waiters + 1
  local most = pool._waiters > 1 and 0.01 or seconds -- another thread may read what this one waits for
  local ok, why = pcall(connection.sleep_on, { pool._poller:fileno() }, math.min(most, seconds))
  pool._waiters = pool._waiters - 1
  if not ok then error(why, 0) end
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
  if is_connected then sleep(pool, seconds) else waits.sleep(seconds) end
  return true
end

function dispatch.pump_until(pool, thing, timeout)
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
  task.b = wire.encode_items(task)
  task.x = wire.encode_flags(task)
  pool._last_number = pool._last_number + 1
  task.number, task.size = pool._last_number, #task.b
  task.id, task.s = task.number, text_of(task.number)
  pool._tasks[task.number] = task
  pool._pending, pool._bytes = pool._pending + 1, pool._bytes + task.size
  put_in_line(pool, task)
  return task
end

-- A closure that is called once travels with its call, and leaves nothing behind on the server.
local function add_call(pool, f)
  local entry = dispatch.add_function(pool, f)
  if entry.copy and entry.blob and #entry.blob <= INLINE_MOST then entry.f, entry.blob = "b:" .. entry.blob, nil end
  return entry
end

function dispatch.submit_call(pool, f, opts, args, sink)
  local task = dispatch.put(pool, {
    mode = CALL, entry = add_call(pool, f), sink = sink, args = args, count = 1,
    timeout = opts and opts.timeout or pool._timeout, retries = opts and opts.retries or pool._retries,
  })
  if not pool._is_working then protected_work(pool) end
  return task
end

local function cancel_task(pool, task)
  if pool._tasks[task.number] ~= task then return false end
  pool._sender:script(nil, nil, "cancel", "3", pool._keys.open, pool._keys.tasks, pool._keys.own_tasks, task.s)
  fail_task(pool, task, base.cancelled_error)
  return true
end

function dispatch.cancel(pool, work_of)
  local any = false
  for _, task in pairs(work_of.tasks or { work_of }) do any = cancel_task(pool, task) or any end
  pool._sender:flush()
  return any
end

-- The life of a pool -------------------------------------------------------------------------------------------------

function dispatch.maintain(pool)
  if pool._ended or pool._is_working or (pool._pending == 0 and time() < pool._next_beat) then return end
  protected_work(pool)
  base.run_callbacks(pool)
end

function dispatch.size(pool) return pool._size end
function dispatch.has_ended(pool) return pool._ended == true end
function dispatch.is_closed(pool) return pool._closed == true end
function dispatch.failure(pool) return pool._broken end
function dispatch.is_open(pool, task) return pool._tasks[task.number] == task end
function dispatch.waitable(pool) return pool._poller:fileno(), false end

function dispatch.end_pool(pool)
  pool._ended, pool._closed = true, true
  base.forget(pool)
  pool._sender:close()
  pool._receiver:close()
  pool._poller:close()
end

-- Says goodbye, but does not wait for long.
local function forget_client(pool)
  if not pool._sender.link then return end
  local keys = pool._keys
  pool._sender:send(nil, nil, "DEL", keys.results)
  pool._sender:call(1, pool._sender.script, "cancel", "3", keys.open, keys.tasks, keys.own_tasks)
end

function dispatch.terminate(pool)
  if pool._config.pid == native.pid() then forget_client(pool) end
  dispatch.end_pool(pool)
  fail_all(pool, function()
    return new_error({ kind = "cancelled", message = "the pool was terminated", traceback = "" })
  end)
  base.run_callbacks(pool)
end

function dispatch.close(pool) pool._closed = true end

function dispatch.join(pool, deadline)
  while pool._pending > 0 and not pool._ended do
    if not pump(pool, deadline) and pool._pending > 0 then return nil, "timeout" end
  end
  if pool._ended then return true end
  pool._last_stats = dispatch.stats(pool)
  forget_client(pool)
  dispatch.end_pool(pool)
  return true
end

function dispatch.check_open(pool, where)
  if pool._config.pid ~= native.pid() then error(where .. ": this pool belongs to another process", 3) end
  if pool._broken then errors.raise(pool._broken) end
  if pool._closed then error(where .. ": the pool is closed", 3) end
  dispatch.maintain(pool)
end

-- For each worker process: name, pid, host, tasks, busy, …
function dispatch.stats(pool)
  if pool._ended then return pool._last_stats or {} end
  local box = {}
  if protected_work(pool) then
    inspect.workers(pool._sender, pool._key, function(look)
      note_workers(pool, look)
      box._is_done, box.list = true, look.list
    end)
    dispatch.pump_until(pool, box, STALL)
  end
  return box.list or {}
end

function dispatch.measures(pool) return dispatch.stats(pool) end

local function look(pool, what, ...)
  if not protected_work(pool) then return nil, "no connection: " .. tostring(pool._sender.why) end
  return inspect[what](pool._sender, pool._name, ...)
end

function dispatch.dead(pool) return look(pool, "dead") end
function dispatch.retry(pool, id) return look(pool, "retry", id) end

local function make_opening(pool)
  if not pool._initializer then return nil end
  local call, args, unpack = pool._initializer, pool._initargs, checks.unpack
  return new_entry(pool, function() return call(unpack(args, 1, args.n)) end)
end

local function check_server(pool)
  local opened, why = pool._sender:open_at(STALL, pool._keys.tasks)
  local facts
  if opened then
    facts, why = pool._sender:examine(STALL)
    pool._sender:close()
  end
  if not facts then error("Pool: engine: " .. pool._engine .. ": " .. tostring(why), 5) end
  return facts
end

-- pool: what broker.read_pool says
function dispatch.begin(pool)
  local poller, why = native.poller_new()
  if not poller then error("Pool: engine: " .. why, 4) end
  local key = broker.key_of(pool._name)
  local client = hex(native.random_bytes(12))
  for name, value in pairs({
    _dispatcher = dispatch, _queue = base.new_queue(),
    _config = {
      name = pool._name, row = ROW, world = ROW.name, engine = pool._engine, initializer = pool._initializer,
      initargs = pool._initargs, timeout = pool._timeout, retries = pool._retries, takes_text = true,
      pid = native.pid(), context = identity.execution_context(),
    },
    _poller = poller, _key = key, _client = client, _is_trusted = pool._secrets[1] ~= nil,
    _keys = {
      tasks = key .. "q", own_tasks = key .. "q:" .. broker.abi(), open = key .. "o:" .. client,
      results = key .. "r:" .. client,
    },
    _size = pool._wanted_size or native.cpu_count(), _waiters = 0, _tasks = {},
    _pending = 0, _bytes = 0, _last_number = 0, _progress = 0, _retry_at = 0, _next_beat = 0, _next_check = 0,
    _line = {}, _line_first = 1, _line_last = 0, _refused = {}, _chain = "0", _accepted = 0, _unanswered = 0,
    _sender = connection.new(pool._settings, poller, SCRIPTS_OF_SENDER),
    _receiver = connection.new(pool._settings, poller, {}),
  }) do
    pool[name] = value
  end
  check_server(pool)
  pool._opening = make_opening(pool)
  local opened
  opened, why = connect(pool)
  if not opened then error("Pool: engine: " .. pool._engine .. ": " .. tostring(why), 4) end
  look_at_workers(pool)
  base.remember(pool)
  protected_work(pool)
  return pool
end

return dispatch
