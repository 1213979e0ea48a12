-- SPDX-License-Identifier: MIT
-- Calls that wait for futures among their arguments. Such a call is not put before all of these are done, so that it
-- keeps no worker waiting; its function, with the other arguments, goes to the backend at once, so that it sees what
-- the caller saw. The first of them that fails is the outcome of the call.
--
--   promise          a future of any pool, or a task of async
--   future._awaited  while the call waits: promises by their place among the arguments; left, how many are not done;
--                    put(values), which puts the call; drop(), if it will not be put
--   pool._queue.deferred   the set of such futures; close and join count them among the open calls
--   promise._dependents    of a future: those that wait for it
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")

local unpack, time = checks.unpack, native.time

local awaited = {}

-- Whether it is a future or a task.
function awaited.is_promise(thing)
  local meta = getmetatable(thing)
  return type(meta) == "table" and rawget(meta, "__mm_future") == true
end

local is_promise = awaited.is_promise

local function is_future(promise) return promise._pool ~= nil end

local function is_done(promise)
  if is_future(promise) then return promise._is_done end
  return promise.state ~= nil
end

-- Of one that is done: true and its first result; or false and its error.
local function outcome_of(promise)
  if is_future(promise) then return promise._ok, promise._results[1] end
  waits.tasks.asked(promise)
  if promise.state == "done" then return true, promise.results[1] end
  return false, promise.results
end

function awaited.are_done(promises)
  for _, promise in pairs(promises) do
    if not is_done(promise) then return false end
  end
  return true
end

-- Those among the arguments by place; nil: there are none.
function awaited.find(args)
  local found
  for place = 1, args.n do
    if is_promise(args[place]) then
      found = found or {}
      found[place] = args[place]
    end
  end
  return found
end

local function forget(future)
  future._awaited = nil
  future._pool._queue.deferred[future] = nil
end

-- The call ends without having been put.
function awaited.fail(future, err)
  local drop = future._awaited.drop
  forget(future)
  if drop then drop() end
  future:_settle(false, { n = 1, err })
end

local function put(future, call)
  local values = {}
  for place, promise in pairs(call.promises) do
    local _, value = outcome_of(promise)
    values[place] = value
  end
  forget(future)
  local ok, why = pcall(call.put, values)
  if ok then return end
  if waits.is_ending() then error(why, 0) end
  if getmetatable(why) ~= errors.Error then why = errors.of_kind("unsendable", tostring(why)) end
  future:_settle(false, { n = 1, why })
end

local function note_done(future, promise)
  local call = future._awaited
  if not call then return end
  local ok, err = outcome_of(promise)
  if not ok then return awaited.fail(future, err) end
  call.left = call.left - 1
  if call.left == 0 then put(future, call) end
end

-- The promise is done: calls that wait for it alone are put.
function awaited.note_done(promise)
  local dependents = promise._dependents
  promise._dependents = nil
  for _, future in ipairs(dependents or {}) do note_done(future, promise) end
end

local function follow(future, promise)
  if is_future(promise) then
    promise._dependents = promise._dependents or {}
    table.insert(promise._dependents, future)
  else
    promise.is_reported = true -- its failure is that of the call
    waits.tasks.on_end(promise, function() note_done(future, promise) end)
  end
end

-- put(values) is called once all are done, at once if they are; or drop, which may be nil, if one fails.
function awaited.defer(future, promises, put_call, drop)
  local call, open = { promises = promises, left = 1, put = put_call, drop = drop }, {}
  future._awaited = call
  future._pool._queue.deferred[future] = true
  for _, promise in pairs(promises) do
    if is_done(promise) then
      local ok, err = outcome_of(promise)
      if not ok then return awaited.fail(future, err) end
    elseif not open[promise] then
      open[promise] = true
      call.left = call.left + 1
      follow(future, promise)
    end
  end
  call.left = call.left - 1
  if call.left == 0 then put(future, call) end
end

-- One that is not done; nil: the call waits no more.
local function first_open(future)
  for _, promise in pairs(future._awaited and future._awaited.promises or {}) do
    if not is_done(promise) then return promise end
  end
end

-- True once the call has been put, or has failed; nil and "timeout".
function awaited.wait(future, timeout)
  local due, promise = timeout and time() + timeout, first_open(future)
  while promise do
    local done, why = promise:wait(due and math.max(0, due - time()))
    if not done and why == "timeout" then return nil, why end
    if not done then awaited.fail(future, errors.of_kind("cancelled", "the pool was terminated")) end
    promise = first_open(future)
  end
  return true
end

-- What mm.wait waits for while the call waits; nil: it does not.
function awaited.waitable(future)
  local promise = first_open(future)
  while promise do
    local target, _, others = getmetatable(promise).__mm_wait(promise)
    if target ~= true then return target, false, others end
    if not is_done(promise) then awaited.fail(future, errors.of_kind("cancelled", "the pool was terminated")) end
    promise = first_open(future)
  end
end

-- The arguments with the values in the places of the promises.
function awaited.fill(args, values)
  local all = { n = args.n }
  for place = 1, args.n do
    if is_promise(args[place]) then all[place] = values[place] else all[place] = args[place] end
  end
  return all
end

-- The function that runs f with the awaited values in their places; the other arguments go along with it.
function awaited.filled(f, args, promises)
  local given, places = { n = args.n }, {}
  for place = 1, args.n do
    if promises[place] then places[#places + 1] = place else given[place] = args[place] end
  end
  local select_one, put_together = select, unpack
  local function call(...)
    local all = {}
    for place = 1, given.n do all[place] = given[place] end
    for i = 1, #places do all[places[i]] = (select_one(i, ...)) end
    return f(put_together(all, 1, given.n))
  end
  return call, places
end

return awaited
