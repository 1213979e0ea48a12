-- SPDX-License-Identifier: MIT
-- How workers that have VMs of their own share what their tasks give to the pool (pool/forks/forks.lua).
--
-- A worker offers its oldest tasks to the others, up to some for each of them, in a queue of the pool. Nothing that
-- anybody waits for depends on a worker that has died, at any instant:
--
--   message   { reply, cell, id, mode, f, args or list, count, base or place, number and values of globals }
--   cell      a shared number: 0 nobody has begun the task, 1 a worker has, 2 its owner has taken it back. One
--             exchange decides.
--   answer    in `reply`, the owner's queue: { id, life, name } before the task begins; { id, false, ok, results } of a
--             call, { id, false, ns, results, failures } of a slice
--   life      a lock that a worker holds for as long as it lives
--
-- I1  A task whose cell is 0 can be taken back by its owner, whatever became of the message. A waiter takes back before
--     it sleeps.
-- I2  Of a task whose cell is 1 the owner has, or gets, the life of its worker, because that was put before the
--     exchange. If the life can be taken, the worker is dead, and the task has failed, unless its answer is there.
-- I3  The tasks of a dead owner run, or do not; nobody reads the answers.
--
-- Values are copied when the task is made, and results when it ends, whichever worker runs it.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local identity = require("core.identity")
local open_pools = require("pool.open_pools")
local waits = require("core.waits")
local worlds = require("core.worlds")
local forks = require("pool.forks.forks")
local protocol = require("pool.protocol")
local travelling = require("pool.forks.travelling")

local unpack, pack = checks.unpack, checks.pack
local CALL = protocol.CALL
local copies, getupvalue = native.copies, debug.getupvalue

local MOST_OFFERED = 16 -- for each worker
local LOOK_EVERY = 0.25 -- seconds between two looks at the lives of workers that run tasks for a waiter

local apart = {}
local port = {}

local here -- the one pool of this VM, once a task has it
local shared -- what the pool's parent says of it: pool/rings_backend.lua
local reply, life -- of this worker
local offered, offered_last, out = {}, 0, {} -- tasks that others may have: in the order of their offers, and by id
local globals_number, globals -- of the task of another worker that runs here; nil: those of the worker's own task

-- Copies ----------------------------------------------------------------------------------------------

local plain = { ["nil"] = true, boolean = true, number = true, string = true }

local function are_plain(list, first, last)
  for i = first, last do
    if not plain[type(list[i])] and list[i] ~= here then return false end
  end
  return true
end

local function copied(...) return travelling.send(shared.id, copies, ...) end

local loaded = setmetatable({}, { __mode = "k" }) -- modules that were met

local function is_module(value)
  if loaded[value] then return true end
  for _, module in pairs(package.loaded) do
    if module == value then
      loaded[value] = true
      return true
    end
  end
  return false
end

-- Whether a copy of the function would be as good as itself, until it assigns to its upvalues: they are scalars, the
-- pool, modules, or functions like that.
local function is_plain_function(f, seen)
  for i = 1, 255 do
    local name, value = getupvalue(f, i)
    if not name then return true end
    local kind = type(value)
    if plain[kind] or value == here or value == f then -- luacheck: ignore 542
    elseif kind == "function" then
      seen = seen or {}
      if not seen[value] then
        seen[f], seen[value] = true, true
        if not is_plain_function(value, seen) then return false end
      end
    elseif kind ~= "table" or not (value == _G or is_module(value)) then
      return false
    end
  end
  return false
end

function port.keep_function(_, f)
  if type(f) == "function" and is_plain_function(f) then return f end
  return (copied(f))
end

function port.keep_arguments(task)
  if task.mode == CALL then
    if not are_plain(task.args, 1, task.args.n) then task.args = pack(copied(unpack(task.args, 1, task.args.n))) end
    return
  end
  local list, first, last = {}, task.first, task.first + task.count - 1
  for i = first, last do list[i - first + 1] = task.list[i] end
  task.list, task.first = are_plain(list, 1, task.count) and list or copied(list), 1
end

local function unsendable(why) return errors.of_kind("unsendable", checks.bare(why):gsub("argument", "result", 1)) end

function port.results(results)
  if are_plain(results, 1, results.n) then return true, results end
  local ok, copy = pcall(function() return pack(copied(unpack(results, 1, results.n))) end)
  if ok then return true, copy end
  return false, unsendable(copy)
end

-- An item whose result cannot be sent fails alone.
function port.list_results(results, count, failures)
  if are_plain(results, 1, count) then return results, failures end
  local ok, copy = pcall(copied, results)
  if ok then return copy, failures end
  copy, failures = {}, failures or {}
  for i = 1, count do
    local sent, value = pcall(copied, results[i])
    if sent then copy[i] = value elseif not failures[i] then failures[i] = unsendable(value) end
  end
  return copy, failures
end

-- Offers ----------------------------------------------------------------------------------------------

local function globals_here()
  if globals_number then return globals_number, globals end
  return native.pool_globals()
end

local function message_of(task, cell)
  local number, values = globals_here()
  local is_call = task.mode == CALL
  return { reply, cell, task.id, task.mode, task.f, is_call and task.args or task.list, task.count,
    is_call and task.place or task.base, number, values }
end

local function put(message) return shared.queue:put(message, 0) end

-- Whether the task is in the queue.
local function offer_task(task)
  local cell = native.typed_array_new("Value", "u32", 1)
  if not cell then return false end
  local ok, sent = pcall(travelling.send, shared.id, put, message_of(task, cell))
  if not ok or not sent then return false end
  task.cell, task.life = cell, nil
  offered_last = offered_last + 1
  offered[offered_last], out[task.id] = task, task
  return true
end

function port.offer(pool)
  local queue, most = shared.queue, shared.workers * MOST_OFFERED
  if shared.workers == 1 or queue:qsize() >= most then return end
  repeat
    local task = forks.take_oldest(pool)
    if not task then return end
    if not offer_task(task) then
      pool._first = pool._first - 1
      pool._line[pool._first] = task
      return
    end
    native.pool_forks_wake(package.loaded.manymoons._serve_forks)
  until queue:qsize() >= most
end

local function take_task_back(task)
  if task.life or not task.cell:cas(0, 2) then return false end
  out[task.id], task.cell = nil, nil
  return true
end

-- The youngest that nobody has begun.
function port.take_back()
  while offered_last > 0 do
    local task = offered[offered_last]
    offered[offered_last] = nil
    offered_last = offered_last - 1
    if out[task.id] == task and not task.is_gone and take_task_back(task) then return task end
  end
end

function port.withdraw(_, task) return not task.cell or take_task_back(task) end

-- The tasks of other workers --------------------------------------------------------------------------

-- The sink of a task that belongs to another worker.
local far = {}
far.__index = far

local function put_failure(self, err) self.reply:put({ self.id, false, false, { n = 1, err }, "failed" }) end

-- An error's value may be one that cannot be sent. What the owner cannot decode is lost, and a second answer, which
-- else comes too late, says so.
local function put_answer(self, answer, failure, is_plain)
  if not pcall(travelling.send, shared.id, self.reply.put, self.reply, answer) then
    if waits.is_ending() then error("interrupted", 0) end
    put_failure(self, errors.of_kind("error", failure and tostring(failure.message) or "the answer cannot be sent"))
  elseif not is_plain then
    put_failure(self, errors.of_kind("unsendable", "the caller cannot decode the result"))
  end
end

function far:take_call(_, ok, results)
  put_answer(self, { self.id, false, ok, results }, not ok and results[1], ok and are_plain(results, 1, results.n))
end

function far:take(task, _, _, ns, results, failures)
  local _, failure = next(failures or {})
  put_answer(self, { self.id, false, ns, results, failures or false }, failure,
    not failures and are_plain(results, 1, task.count))
end

function far.finished() end

local function have_life()
  if life then return true end
  if waits.current_task() then return false end -- the lock would be the task's
  life = package.loaded.manymoons.world(shared.world).Lock()
  return life:acquire(0) == true
end

local function apply(number, values)
  local before_number, before = globals_here()
  globals_number, globals = number, values
  if number ~= before_number then native.apply_globals(number, values) end
  return before_number, before
end

local function run_given(pool, message)
  local queue, cell, id, mode, f, values, count, place, number, its_globals = unpack(message, 1, 10)
  queue:put({ id, life, pool._name })
  if not cell:cas(0, 1) then return end
  local was_given, own = globals_number, globals
  local before_number, before = apply(number, its_globals)
  forks.run(pool, {
    mode = mode, f = f, args = values, list = values, first = 1, count = count, base = place, place = place,
    sink = setmetatable({ reply = queue, id = id }, far),
  })
  apply(before_number, before)
  globals_number, globals = was_given, own
end

-- A message that cannot be decoded here is lost; its owner takes the task back.
function port.help(pool)
  if not have_life() then return false end
  local ok, message = pcall(shared.queue.get_nowait, shared.queue)
  if not ok then
    if waits.is_ending() then error(message, 0) end
    return true
  end
  if type(message) ~= "table" then return false end
  if not shared.queue:empty() then native.pool_forks_wake(package.loaded.manymoons._serve_forks) end
  run_given(pool, message)
  return true
end

-- Answers ---------------------------------------------------------------------------------------------

local function take_answer(task, answer)
  if answer[2] then
    task.life, task.worker = answer[2], answer[3]
    return
  end
  out[task.id] = nil
  if answer[5] == "failed" then return forks.fail(task, function() return answer[4][1] end) end
  if task.mode == CALL then return forks.answer_call(task, answer[3], answer[4]) end
  forks.answer_slice(task, answer[3], answer[4], answer[5] or nil)
end

function port.answers()
  if not next(out) then return end
  local ok, answer = pcall(reply.get_nowait, reply)
  while ok and answer do
    local task = out[answer[1]]
    if task then take_answer(task, answer) end
    ok, answer = pcall(reply.get_nowait, reply)
  end
  if not ok and waits.is_ending() then error(answer, 0) end
end

local function is_dead(task)
  local taken = task.life and task.life:acquire(0)
  if taken then task.life:release() end
  return taken
end

-- Tasks of workers that have died, and whose answers are not there, run again, or have failed.
local function bury(pool)
  local dead = {}
  for _, task in pairs(out) do
    if is_dead(task) then dead[#dead + 1] = task end
  end
  if #dead == 0 then return end
  port.answers()
  for _, task in ipairs(dead) do
    if out[task.id] == task then
      local name = task.worker
      out[task.id], task.cell, task.life = nil, nil, nil
      if (task.retries or 0) > 0 then
        task.retries = task.retries - 1
        forks.push(pool, task)
      else
        forks.fail(task, function()
          return errors.of_kind("died", ("worker %s died while it ran this call"):format(name), name)
        end)
      end
    end
  end
end

-- Waits until something may have changed.
function port.wait(pool, seconds)
  local things = { reply }
  if have_life() then things[2] = shared.queue end
  local ready = waits.any(things, math.min(seconds or LOOK_EVERY, LOOK_EVERY), true)
  if not ready or #ready == 0 then bury(pool) end
end

function port.waitable(pool)
  bury(pool)
  return reply
end

function port.finished() end
function port.caller(pool) return pool end
function port.has_ended() return false end
function port.place() return native.pool_place() end

-- The pool of this worker -----------------------------------------------------------------------------

local function config_of()
  return {
    name = shared.name, row = worlds.get(shared.world), world = shared.world, workers = shared.workers, retries = 0,
    seed = shared.seed, initargs = { n = 0 }, takes_text = false, pid = native.pid(), forks = shared,
    context = identity.execution_context(),
  }
end

-- The pool whose worker this VM is, as its tasks have it.
function apart.pool()
  if here then return here end
  shared = native.pool_forks()
  reply = native.queue_new("SimpleQueue")
  here = forks.new(config_of(), identity.current().name, port)
  native.pool_forks_serve_by(function() return forks.serve(here) end)
  open_pools.remember(here)
  return here
end

-- A worker that sleeps is woken, because there is something to run.
function apart.serve() forks.serve(apart.pool()) end

return apart
