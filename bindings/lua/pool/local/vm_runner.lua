-- SPDX-License-Identifier: MIT
-- A worker in this VM: takes a task, a Lua object, runs it, and puts its answers. Workers with a VM
-- of their own do the same in C (pool/pool_worker.c); both follow pool/protocol.h.
--
--   task    id, number, mode, flags, f; args, or list, first, count, skip; call_state; base in a pool with a seed
--   answer  id, outcome, first, count, ns, values
--   state   of one worker: claim (number of its task, 0: none), item, begun, must_stop; leave, a queue that has a value
--           once an idle worker has to end (pool/local/vm_backend.lua); tasks, busy,
--           made, ready, left; seed of the pool's streams; me: in the world `serial` the identity of the worker in
--           this call; finalizer, until it has run; forks: the pool as its tasks have it (pool/forks/beside.lua); in a
--           pool with a seed: place of the item, and children: how many calls it has made
local require, native = ...

local checks = require("core.checks")
local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")
local protocol = require("pool.protocol")
local streams = require("async.streams")

local unpack, pack = checks.unpack, checks.pack
local time = native.time

local CALL, STARMAP, TIMED, RETURNS = protocol.CALL, protocol.STARMAP, protocol.TIMED, protocol.RETURNS
local OK, FAILED, INITIALIZER_FAILED = protocol.OK, protocol.FAILED, protocol.INITIALIZER_FAILED
local PART, RETURNED, SKIPPED = protocol.PART, protocol.RETURNED, protocol.SKIPPED
local FLUSH, RETURN, STRIDE_MAX = protocol.FLUSH_NS / 1e9, protocol.RETURN_NS / 1e9, protocol.STRIDE_MAX -- seconds

local runner = {}

-- What a state has of the task that runs.
local OF_TASK = { "claim", "item", "begun", "part", "marker", "limit", "is_polling", "restore", "me", "place",
  "children" }

-- What the state has of its task, which goes on once it has made a call that runs in the same worker.
function runner.leave_task(state)
  local left = {}
  for _, name in ipairs(OF_TASK) do left[name] = state[name] end
  return left
end

function runner.return_to_task(state, left)
  for _, name in ipairs(OF_TASK) do state[name] = left[name] end
end

-- An item begins to draw from the stream of its place.
local function begin_stream(state, place)
  state.place, state.children = place, 0
  if state.forks then state.forks._stream_place, state.forks._children = nil, 0 end
  return streams.begin(state.seed, place)
end

function runner.new_state(maxtasks, seed, finalizer)
  return {
    finalizer = finalizer,
    claim = 0, item = 0, begun = 0, tasks = 0, busy = 0, made = time(), ready = 0, left = maxtasks or math.huge,
    seed = seed,
  }
end

function runner.measures(state)
  local now = time()
  local awake = state.ready > 0 and now - state.ready or 0
  return state.tasks, state.busy, awake, state.ready > 0 and state.ready - state.made or 0, 0, 0
end

local function has_flag(task, flag) return task.flags % (2 * flag) >= flag end

local function count_calls(state, count, seconds)
  state.tasks, state.busy, state.left = state.tasks + count, state.busy + seconds, state.left - count
end

-- Used where no parent checks timeouts (pool/local/serial_backend.lua).
local function is_late(state) return state.limit and time() - state.begun > state.limit end

-- Whether os.exit has ended a worker of the world `serial` in a call (async/exit.lua), whatever the call made of that.
-- The next call has a new worker.
local function has_exited(state)
  local has = state.me ~= nil and state.me.exit_code ~= nil
  if has then state.left = 0 end
  return has
end

local function exit_error(state, what) return errors.died_error(state.me.name, state.me.exit_code, what) end

-- In the protected call: more results than the stack holds are an error of the call. Its frame marks the call.
local function packed(called, ...) return pack(called(...)) end

local function run_call(task, state, put)
  state.begun, state.item, state.marker = time(), 1, packed
  local name = identity.current().name
  local stream = state.seed and begin_stream(state, task.base + 1)
  local ok, values = errors.call_here(name, packed, task.f, unpack(task.args, 1, task.args.n))
  if stream then streams.finish(stream) end
  if has_exited(state) then ok, values = false, exit_error(state, "while it ran this call") end
  if is_late(state) then ok, values = false, errors.timeout_error(state.limit, name) end
  count_calls(state, 1, time() - state.begun)
  put({ id = task.id, outcome = ok and OK or FAILED, values = ok and values or pack(values) })
end

-- How each item of the task is called: a function of f, a message handler and the item.
local function caller_of(task, name)
  if task.mode == STARMAP then
    return function(f, _, item) return errors.call_with_list(name, f, item) end
  elseif errors.passes_arguments then
    return xpcall
  end
  return function(f, _, item) return errors.call_here(name, f, item) end
end

-- The function of a slice's task; where a hook may end its calls, in a frame that marks them.
local function called_of(task, state)
  if not state.limit then return task.f end
  local f = task.f
  function state.marker(...)
    local called = f
    local result = called(...)
    return result
  end
  return state.marker
end

-- Answers the part of a slice that has run, and begins the next part.
local function send_part(part, outcome)
  local task, now = part.task, time()
  local count = part.last - part.first + 1
  count_calls(part.state, count, now - part.begun) -- first: a caller that has the results finds them in stats()
  part.put({
    id = task.id, outcome = outcome, first = part.first, count = count, ns = (now - part.begun) * 1e9,
    values = { n = 2, part.results, part.failures },
  })
  part.results, part.failures, part.first, part.begun = {}, nil, part.last + 1, now
end

-- As in pool/pool_worker.c: reads the clock more often if items take long. True: go on.
local function check_pace(part, left)
  local now, task = time(), part.task
  local taken = now - part.checked
  local is_timed = has_flag(task, TIMED)
  if taken * 8 < FLUSH and part.stride < STRIDE_MAX and not is_timed then part.stride = part.stride * 2 end
  if taken * 2 > FLUSH then part.stride = 1 end
  part.until_check, part.checked = part.stride, now
  if now - part.list_begun >= RETURN and has_flag(task, RETURNS) then return false end
  if left > 0 and (is_timed or now - part.begun >= FLUSH) then send_part(part, PART) end
  return true
end

local function may_go_on(part, i)
  if part.state.left <= i - part.first + 1 then return false end
  return check_pace(part, part.task.count - i)
end

local function begin_timed(state)
  state.begun = time()
  return not state.must_stop
end

local function note_failure(part, i, failure)
  part.failures = part.failures or {}
  part.failures[i - part.first + 1] = failure
end

local function run_slice(task, state, put)
  local now, name, skip = time(), identity.current().name, task.skip or 0
  local part = { -- also read by rescue, after a worker that was stopped
    task = task, state = state, put = put, results = {}, first = skip + 1, last = skip, begun = now, list_begun = now,
    checked = now, stride = 1, until_check = 1,
  }
  state.part = part
  local list, base, seed, is_timed, has_most = task.list, task.first - 1, state.seed, has_flag(task, TIMED),
    state.left < math.huge
  local call, called, handler = caller_of(task, name), called_of(task, state), errors.handler_of(name)
  for i = skip + 1, task.count do
    state.item = i
    if is_timed and not begin_timed(state) then break end
    local stream = seed and begin_stream(state, task.base + i)
    local ok, result = call(called, handler, list[base + i])
    if stream then streams.finish(stream) end
    part.last = i
    local exited = has_exited(state)
    if exited then
      ok, result = false, exit_error(state, "while it ran this call")
    elseif is_timed and is_late(state) then
      ok, result = false, errors.timeout_error(state.limit, name)
    end
    if ok then part.results[i - part.first + 1] = result else note_failure(part, i, result) end
    part.until_check = part.until_check - 1
    if exited or ((part.until_check <= 0 or has_most) and not may_go_on(part, i)) then break end
  end
  send_part(part, part.last < task.count and RETURNED or OK)
  state.part = nil
end

-- Instructions between two looks at the clock, and seconds that a call which is late has to clean up, once and again.
local INSTRUCTIONS, GRACE, GRACES = 1000, 0.1, 2

-- A look at a level costs as much as the level is deep, so of a very deep stack the middle is left out.
local INNERMOST, OUTERMOST = 1000, 100

local function is_at(level, f)
  local info = debug.getinfo(level + 1, "f")
  return info and info.func == f, not info
end

-- The level below the outermost, for the caller, of a stack of more than `low` levels.
local function end_of_stack(low)
  local high = 2 * low
  while debug.getinfo(high, "l") do low, high = high, 2 * high end
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if debug.getinfo(middle, "l") then low = middle else high = middle end
  end
  return high - 1
end

-- Whether the function is on the stack of the code that the hook has interrupted.
local function is_running(f)
  for level = 3, INNERMOST do
    local is_it, is_over = is_at(level, f)
    if is_it or is_over then return is_it end
  end
  local past = end_of_stack(INNERMOST)
  for level = past - 1, past - OUTERMOST, -1 do
    if is_at(level, f) then return true end
  end
  return false
end

-- The hook of a call that no other worker ends: it raises an error when the time is over, and leaves time after it, as
-- the stop of a worker does (vm/state/vm_interrupt.h). is_here() says whether the code that runs is the worker's; what
-- the worker does before and after the call goes on.
local function limiter(state, is_here)
  local begun, due, raised, had_time = 0, 0, 0, false
  local look
  local function begin_call()
    begun, due, raised, had_time = state.begun, state.limit, 0, false
    native.set_late(false)
    debug.sethook(look, "", INSTRUCTIONS)
  end
  function look()
    if state.begun == 0 or not is_here() then return end
    if state.begun ~= begun then begin_call() end
    local taken = time() - begun
    if taken <= due or not is_running(state.marker) then return end
    due = taken + GRACE
    if state.is_polling and not had_time then
      had_time = true
      return
    end
    raised = raised + 1
    native.set_late(true)
    if raised > GRACES then
      due = 0
      debug.sethook(look, "", 1)
    end
    error("the call takes too long", 0)
  end
  return look
end

-- run(task, state, put) for a task with the time limit state.limit. Meanwhile state.restore() gives the program its
-- hook back, for a worker that is ended in its call: a VM of LuaJIT has one hook for all its coroutines.
function runner.run_limited(task, state, put, is_here)
  local hook, mask, count = debug.gethook()
  waits.set_limited(state)
  function state.restore() debug.sethook(hook, mask, count) end
  debug.sethook(limiter(state, is_here), "", INSTRUCTIONS)
  runner.run(task, state, put)
  state.restore()
  state.restore = nil
  waits.set_limited(nil)
  native.set_late(false)
  state.limit, state.is_polling = nil, nil
end

-- Answers the results that a worker had not sent when it was stopped in the middle of a slice.
function runner.rescue(state)
  local part = state.part
  state.part = nil
  if part and part.last >= part.first then send_part(part, PART) end
end

-- Runs one task; put(answer) may be called several times.
function runner.run(task, state, put)
  state.claim = task.number
  if task.call_state and task.call_state.state == "cancelled" then
    put({ id = task.id, outcome = SKIPPED, values = { n = 0 } })
  else
    if task.call_state then task.call_state.state = "begun" end
    native.trace_task(task.id)
    if task.mode == CALL then run_call(task, state, put) else run_slice(task, state, put) end
    native.trace_task(nil)
  end
  state.item, state.begun, state.claim = 0, 0, 0
end

-- True: the worker may begin. The pool gets an answer either way.
function runner.initialize(state, put, initializer, ...)
  if not initializer then return true end
  local ok, err = errors.call_here(identity.current().name, initializer, ...)
  if has_exited(state) then ok, err = false, exit_error(state, "in its initializer") end
  put({ id = 0, outcome = ok and OK or INITIALIZER_FAILED, values = pack(err) })
  return ok
end

-- For a worker that ends by itself. What the finalizer raises is reported, and ends nothing.
function runner.finalize(state)
  local finalizer, name = state.finalizer, identity.current().name
  state.finalizer = nil
  if not finalizer then return end
  local ok, err = errors.call_here(name, finalizer)
  if ok or has_exited(state) then return end
  diagnostics.write(native.printable(name) .. ": " .. tostring(err) .. "\n")
end

return runner
