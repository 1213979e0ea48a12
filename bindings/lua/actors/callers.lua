-- SPDX-License-Identifier: MIT
-- The callers' side of an actor: it puts calls into the mailbox, and finds their answers.
--
-- Each VM that calls an actor has one caller for it, whose answers come through one queue, in the order in which the
-- calls end. A line tells it of the worker's death: one end is the caller's, the other goes with the HELLO to the
-- worker, and is cut when the worker ends. The actor's life is such a line for all: it is cut when no worker comes any
-- more. While a HELLO is not answered, no worker has the line, so its caller listens to the life, too. In one VM a line
-- is a queue that is closed, and that of a caller is the queue for its answers.
--
--   core      the actor in this VM: id, name, row (of core/worlds.lua), mailbox, life, restarts, concurrent, caller,
--             supervisor (actors/supervisor.lua; of the VM that made it alone), over (why it takes no more calls)
--   caller    what futures (pool/future.lua) know as their pool: _config, _queue, _dispatcher; and replies, line, key,
--             open (call → pending), last (the last call's number), is_known (the HELLO is answered)
--   pending   a call under way: a future, or what a caller waits for that wants the results at once; name
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local standing_waits = require("deadlock.standing_waits")
local waits = require("core.waits")
local base = require("pool.dispatcher")
local pumps = require("pool.pumps")
local server = require("actors.server")

local pack, unpack, of_kind, time = checks.pack, checks.unpack, errors.of_kind, native.time
local HELLO = server.HELLO

local callers = {}

-- Seconds between two looks at the worker by a caller for which the mailbox has no room.
local ROOM_EVERY = 0.1

-- Deaths ------------------------------------------------------------------------------------------------

local function exit_code(core) return core.supervisor and core.supervisor:exit_code() end

local function died_error(core, name, code)
  if core.over == "stopped" then
    return of_kind("died", ("Actor:%s: %s has stopped"):format(name, core.name), core.name, code)
  end
  return errors.died_error(core.name, code, "before it answered '" .. name .. "'")
end

local function settle(caller, id, ok, results)
  local pending = caller.open[id]
  if not pending then return end
  caller.open[id] = nil
  pending:_settle(ok, results)
end

-- Fails the calls below `first`, in their order.
local function fail_open(caller, first)
  local list = {}
  for id in pairs(caller.open) do
    if id < first then list[#list + 1] = id end
  end
  if #list == 0 then return end
  table.sort(list)
  local code = exit_code(caller.core) -- it waits: other callers of this VM may settle some meanwhile
  for _, id in ipairs(list) do
    local pending = caller.open[id]
    if pending then settle(caller, id, false, pack(died_error(caller.core, pending.name, code))) end
  end
end

-- No worker comes any more. Callers that wait for room see it.
local function note_end(caller, why)
  local core = caller.core
  core.over = core.over or why
  core.mailbox:close()
  fail_open(caller, math.huge)
end

-- Sending -----------------------------------------------------------------------------------------------

local function is_cut(line) return native.wait_any({ line }, 0)[1] ~= nil end

-- Puts a message, and waits for room. False: the actor takes no more.
local function post(core, message)
  local put, why = core.mailbox:put(message, 0)
  while not put and why ~= "closed" do
    if why ~= "full" and why ~= "timeout" then error("Actor: " .. tostring(why), 0) end
    if is_cut(core.life) then return false end
    if core.supervisor then core.supervisor:look() end
    put, why = core.mailbox:put(message, ROOM_EVERY)
  end
  return put == true
end

-- A line: the caller's end, and the worker's.
function callers.new_line(core)
  if core.row.objects == "vm" then
    local line = callers.new_replies(core)
    return line, line
  end
  local own, its = native.pipe_new(true, false)
  if not own then checks.fail("Actor: " .. its) end
  return own, its
end

-- A queue without a bound for what the worker says.
function callers.new_replies(core)
  if core.row.objects == "vm" then return native.local_queue_new("SimpleQueue") end
  local replies, why = native.queue_new("SimpleQueue", nil, false)
  return replies or checks.fail("Actor: " .. why)
end

-- Says who calls; false: the actor takes no more.
local function greet(caller)
  local core = caller.core
  local own, its = callers.new_line(core)
  if caller.line then caller.line:close() end
  if core.row.objects == "vm" then caller.replies = own end
  caller.line, caller.is_known = own, false
  caller.things = caller.replies == own and { own, core.life } or { caller.replies, own, core.life }
  local put = post(core, { caller.key, caller.last, HELLO, caller.replies, its })
  if core.row.objects == "shared" then its:close() end
  return put
end

local dispatch -- defined below

local function new_key()
  local bytes, key = native.random_bytes(6), 0
  for i = 1, 6 do key = key * 256 + bytes:byte(i) end
  return key
end

local function new_caller(core)
  return {
    core = core, key = new_key(), replies = callers.new_replies(core), open = {}, last = 0, is_known = false,
    pid = native.pid(), _queue = base.new_queue(), _dispatcher = dispatch,
    _config = { name = core.name, pid = native.pid(), context = identity.execution_context() },
  }
end

-- The caller of this VM; a forked child has its own.
local function caller_of(core)
  local caller = core.caller
  if caller and caller.pid == native.pid() then return caller end
  caller = new_caller(core)
  core.caller = caller
  return caller
end

-- The message of a put that raised: which argument cannot be sent.
local function refuse_arguments(name, err)
  local text = checks.bare(err):gsub("value%[(%d+)%]", function(place)
    return "argument " .. tonumber(place) - 4
  end)
  checks.fail(("Actor:%s: %s"):format(name, text))
end

-- Puts a call; raises if it cannot be sent. pending: nil for one without an answer. False: the actor is dead.
local function put_call(caller, pending, name, ...)
  local id = 0
  if pending then
    id = caller.last + 1
    caller.last = id
    caller.open[id], pending.name = pending, name
  end
  local ok, put = pcall(post, caller.core, { caller.key, id, name, select("#", ...), ... })
  if ok and put then return true end
  caller.open[id] = nil
  if ok then return false end
  if waits.is_ending() or type(name) ~= "string" then error(put, 0) end
  refuse_arguments(name, put)
end

local function begin(core, pending, name, ...)
  if core.over then return false end
  local caller = caller_of(core)
  if not caller.line and pending and not greet(caller) then return false end
  return put_call(caller, pending, name, ...)
end

-- Answers -----------------------------------------------------------------------------------------------

local function take(caller, answer)
  local id, ok = answer[1], answer[2]
  if id == 0 then
    caller.is_known = true
    local things = caller.things -- a new list, for other threads may wait for the old one
    caller.things = { things[1], things[3] and things[2] }
    return fail_open(caller, ok)
  end
  if ok == true then return settle(caller, id, true, { n = answer[3], unpack(answer, 4, 3 + answer[3]) }) end
  settle(caller, id, false, pack(answer[3]))
end

-- Takes the answers that are there; whether there were some.
local function take_ready(caller)
  local answer, any = caller.replies:get(0), false
  while answer do
    take(caller, answer)
    any = true
    answer = caller.replies:get(0)
  end
  return any
end

-- A line was cut: the calls that its worker had taken will not be answered. What it had answered counts. The mailbox
-- of an actor that is alive is closed where the next worker has stopped before it knew this caller.
local function note_cut(caller)
  take_ready(caller)
  local core = caller.core
  if core.supervisor then core.supervisor:look() end
  local is_dead = not core.restarts or is_cut(core.life)
  if not is_dead and greet(caller) then return end
  take_ready(caller)
  note_end(caller, is_dead and "died" or "stopped")
end

-- Whether the caller is a method of the actor, which runs one call at a time.
local function is_own(core)
  return next(server.running) ~= nil and server.running[identity.execution_context() or false] == core.id
end

local function refuse_own(core, name)
  local text = "Actor:%s: %s would wait for itself: it runs one call at a time (concurrent = 1)"
  errors.raise_kind("deadlock", text:format(name, core.name))
end

-- Seconds for which a caller waits for its answers alone, which is faster, before it waits for a death as well.
local SHORT = 0.01

-- → whether there was an answer, and whether a line was cut. One thread alone may do so: where there are more, each has
-- to look again when another one took what it waits for.
local function wait_for_answer(caller, seconds)
  local answer, why = caller.replies:get(seconds)
  if answer then
    take(caller, answer)
    return true, false
  end
  return false, why == "closed" or (not caller.is_known and is_cut(caller.core.life))
end

local function wait_for_anything(caller, seconds)
  local found = waits.any(caller.things, seconds, true)
  if caller.replies == caller.line then return wait_for_answer(caller, 0) end
  return false, (found[#found] or 1) > 1
end

-- Waits once; false: there is nothing, and no time is left. is_short: the wait may be for the answers alone.
local function pump_once(caller, left, is_short)
  local is_local = caller.core.row.objects == "vm"
  local seconds = caller.core.supervisor and caller.core.supervisor:look() or standing_waits.LOOK_EVERY
  if is_short and not is_local then seconds = math.min(seconds, SHORT) end
  if left then seconds = math.min(seconds, left) end
  local is_for_answers = (is_short or is_local) and seconds > 0 and not native.has_other_threads()
  local answered, is_over = (is_for_answers and wait_for_answer or wait_for_anything)(caller, seconds)
  if is_over then note_cut(caller) end
  return answered or is_over or take_ready(caller)
end

-- One wait of a loop that may be without an end.
local function pump_standing(caller, left, standing)
  standing_waits.begin(standing, not left and not waits.has_tasks())
  local ok, found = pcall(pump_once, caller, left, false)
  if not ok then
    standing_waits.begin(standing, false)
    error(found, 0)
  end
  standing_waits.finish(standing, not found)
  return found
end

local function pump_long(caller, pending, due)
  local standing = {}
  while not pending._is_done do
    local left = due and math.max(0, due - time())
    if not take_ready(caller) and not pump_standing(caller, left, standing) and left == 0 then return nil, "timeout" end
    if #caller._queue.callbacks > 0 then
      standing_waits.begin(standing, false)
      base.run_callbacks(caller)
    end
  end
  standing_waits.begin(standing, false)
  return true
end

local function pump_until(caller, pending, timeout)
  local due = timeout and time() + timeout
  if not take_ready(caller) and timeout ~= 0 then pump_once(caller, timeout, true) end
  base.run_callbacks(caller)
  return pending._is_done or pump_long(caller, pending, due)
end

-- The dispatcher of futures (pool/backend.lua has its functions) ----------------------------------------

dispatch = setmetatable({}, { __index = base })

function dispatch.pump_until(caller, pending, timeout)
  if not timeout and not pending._is_done and is_own(caller.core) then refuse_own(caller.core, pending.name) end
  return pumps.until_done(caller, pending, timeout, pump_until)
end

function dispatch.has_ended() return false end -- each call is answered, or fails
function dispatch.failure() return nil end
function dispatch.cancel() return false end -- it is in the mailbox, or runs
function dispatch.withdraw() return 0 end
function dispatch.waitable(caller) return caller.replies, false, { caller.line, caller.core.life } end

function dispatch.take_last(caller)
  take_ready(caller)
  base.run_callbacks(caller)
end

-- Calls -------------------------------------------------------------------------------------------------

-- What a call waits for that wants its results at once.
local Pending = {}
Pending.__index = Pending

function Pending._settle(self, ok, results)
  self._is_done, self._ok, self._results = true, ok, results
  if self._line then pumps.wake_line(self._queue, self) end
end

-- Calls the method: its results; raises its error.
function callers.call(core, name, ...)
  local pending = setmetatable({}, Pending)
  if not begin(core, pending, name, ...) then errors.raise(died_error(core, name, exit_code(core))) end
  local caller = core.caller
  pending._queue = caller._queue
  dispatch.pump_until(caller, pending, nil)
  if not pending._ok then server.raise(pending._results[1]) end
  return unpack(pending._results, 1, pending._results.n)
end

-- Begins the call of a future; a dead actor fails it.
function callers.submit(core, future, name, ...)
  if begin(core, future, name, ...) then return end
  future.name = name
  future:_settle(false, pack(died_error(core, name, exit_code(core))))
end

-- Puts a call without an answer.
function callers.send(core, name, ...)
  if not core.over and not is_cut(core.life) and begin(core, nil, name, ...) then return end
  errors.raise(died_error(core, name, exit_code(core)))
end

-- Asks the actor to end: true when it has ended its calls, also if it was dead; nil and "timeout". True and false: the
-- caller is a method of the actor, which ends later.
function callers.stop(core, timeout)
  local pending = setmetatable({}, Pending)
  if core.over or not begin(core, pending, server.STOP) then return true end
  pending.name = "stop"
  if is_own(core) then return true, false end
  pending._queue = core.caller._queue
  local done, why = dispatch.pump_until(core.caller, pending, timeout)
  if not done then return nil, why end
  if pending._ok then core.over = "stopped" end
  return true
end

-- What futures take for their pool.
callers.of = caller_of

return callers
