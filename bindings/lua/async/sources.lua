-- SPDX-License-Identifier: MIT
-- The waits of tasks for descriptors, for handles of shared objects, and for any of many things.
--
--   descriptor  polled by async/loop.c while a task waits for it
--   handle      of a queue, a lock, a worker, …: a change wakes the loop's waker, and then all handles are checked
--   source      a Lua object with _is_ready() and a list of waiters, _waiters
--
-- A part of the scheduler; the head of scheduler.lua says which threads may call it, and why it needs no lock.
local require, native, scheduler, schedulers = ...

local local_waits = require("async.local_waits")

local time = native.time
local waiters = scheduler.waiters
local new_list, add = waiters.new_list, waiters.add
local wake_all = schedulers.wake_all
local me, park, withdraw = scheduler.me, scheduler.park, scheduler.withdraw
local due_of = schedulers.due_of
local get_loop = scheduler.get_loop

local READ, WRITE = 1, 2
-- Seconds after which all handles are checked, because a process may have died before its wake; and after which all
-- descriptors are, because one may have been closed.
local LOOK_AGAIN, RENEW_EVERY = 0.25, 1
-- Seconds between two looks at the waits for locks (locks/lock_wait.h).
local DEADLOCK_EVERY = 0.1

local descriptors = {} -- fd → { [READ] = list, [WRITE] = list, wanted = what the loop polls it for }
local wanted_count, own_count = 0, 0 -- how many descriptors the loop polls; how many of those tell of a worker's end
local watched, watched_count = {}, 0 -- handle → list
local hot = {} -- handles that were ready at the last check
local locks = {} -- handles of locks among the watched ones
local renewed_at, sought_at, looked_at, swept_at = 0, 0, 0, 0

local sources = {}

-- Descriptors -----------------------------------------------------------------------------------------

local function is_wanted(list) return list ~= nil and list.count > 0 end

local function wants(entry)
  return (is_wanted(entry[READ]) and READ or 0) + (is_wanted(entry[WRITE]) and WRITE or 0)
end

-- An entry stays, for the next wait, until renew_descriptors finds that it has no waiters.
local function set_wanted(entry, what)
  local by = (what ~= 0 and 1 or 0) - (entry.wanted ~= 0 and 1 or 0)
  wanted_count = wanted_count + by
  if entry.is_own then own_count = own_count + by end
  entry.wanted = what
end

local function fail_descriptor(fd, entry, why)
  descriptors[fd] = nil
  set_wanted(entry, 0)
  for what = READ, WRITE do
    if entry[what] then schedulers.wake_all(entry[what], nil, why) end
  end
end

-- Adds the waiter to the list of fd. True: fd is a file, which is always ready. nil and why: fd is not open. is_own: it
-- is that of a worker.
local function add_to_descriptor(fd, what, waiter, is_own)
  local entry = descriptors[fd]
  if not entry then
    entry = { wanted = 0, is_own = is_own }
    descriptors[fd] = entry
  elseif entry.is_own and not is_own then -- the number may mean something else by now
    if entry.wanted ~= 0 then own_count = own_count - 1 end
    entry.is_own = false
  end
  local list = entry[what]
  if not list then
    list = new_list()
    entry[what] = list
  end
  local all = what
  if entry.wanted ~= 0 and entry.wanted ~= what then
    set_wanted(entry, wants(entry)) -- an earlier waiter may have stopped waiting
    if entry.wanted ~= what then all = entry.wanted + what end
    if entry.wanted == READ + WRITE then all = READ + WRITE end
  end
  local ok, why = get_loop():want(fd, all)
  if ok ~= true then
    if ok == "ready" then return true end
    fail_descriptor(fd, entry, why)
    return nil, why
  end
  set_wanted(entry, all)
  add(list, waiter)
  return false
end

-- wait_fd(fd, READ or WRITE, due) → true; or nil and why
function scheduler.wait_fd(fd, what, due, may_yield)
  local waiter = me(may_yield)
  local ok, why = add_to_descriptor(fd, what, waiter)
  if ok ~= false then return ok, why end
  local _, reason = park(waiter, due)
  if reason == nil then return true end
  return nil, reason
end

-- The same for C code, which cannot yield: also back when the descriptor is closed.
function scheduler.wait_for_descriptor(fd, is_write) scheduler.wait_fd(fd, is_write and WRITE or READ) end

local function on_descriptor(fd, what)
  local entry = descriptors[fd]
  if not entry then return end
  if what ~= WRITE and entry[READ] then wake_all(entry[READ]) end
  if what ~= READ and entry[WRITE] then wake_all(entry[WRITE]) end
  local left = entry.wanted == what and 0 or wants(entry)
  set_wanted(entry, left)
  if left == 0 then return end
  local ok, why = get_loop():want(fd, left)
  if not ok then fail_descriptor(fd, entry, why) end
end

-- Finds closed descriptors, of which a poll does not tell, and drops entries without waiters.
local function renew_descriptors(now)
  renewed_at = now
  local list = {}
  for fd, entry in pairs(descriptors) do list[fd] = entry end
  for fd, entry in pairs(list) do
    local left = wants(entry)
    set_wanted(entry, left)
    if left == 0 then
      get_loop():forget(fd)
      descriptors[fd] = nil
    else
      local ok, why = get_loop():renew(fd, left)
      if not ok then fail_descriptor(fd, entry, why) end
    end
  end
end

-- Handles ---------------------------------------------------------------------------------------------

local function drop_watched(thing)
  watched[thing], hot[thing], locks[thing] = nil, nil, nil
  watched_count = watched_count - 1
end

-- Adds the waiter to the list of the handle; true: the handle is ready.
local function add_to_watched(thing, waiter, wakes_all, at_each_ring)
  local is_ready, fd = get_loop():watch(thing)
  if is_ready then return true end
  local list = watched[thing]
  if not list then
    list = new_list()
    watched[thing] = list
    watched_count = watched_count + 1
  end
  list.wakes_all, list.at_each_ring = list.wakes_all or wakes_all, list.at_each_ring or at_each_ring
  add(list, waiter)
  return false, fd
end

local function look_at_handle(thing, list)
  if list.count == 0 then return drop_watched(thing) end
  if not get_loop():watch(thing) and not list.at_each_ring then
    hot[thing] = nil
    return
  end
  if list.wakes_all then schedulers.wake_all(list, true) else schedulers.wake_one(list, true) end
  if list.count == 0 then drop_watched(thing) else hot[thing] = true end
end

local function look_at_handles(now)
  looked_at = now
  local things, lists = {}, {}
  for thing, list in pairs(watched) do things[#things + 1], lists[#lists + 1] = thing, list end
  for i, thing in ipairs(things) do
    if watched[thing] == lists[i] then look_at_handle(thing, lists[i]) end
  end
end

-- The handle is closed, and with it the descriptor: all that wait for either try again, and see it.
function scheduler.close_handle(thing, fd)
  local list, entry = watched[thing], fd and descriptors[fd]
  if list then
    wake_all(list, true)
    drop_watched(thing)
  end
  if not entry then return end
  get_loop():forget(fd)
  fail_descriptor(fd, entry, "closed")
end

-- Deadlocks -------------------------------------------------------------------------------------------

-- A waiter that waits for the same lock as at the last look, without a time, is looked at in C.
local function seek_deadlock(lock, waiter)
  if waiter.pos or not waiter.list then return end
  if waiter.sought ~= lock then
    waiter.sought = lock
    return
  end
  local task = waiter.co and waiter or waiter.stuck_task
  local is_last = scheduler.live <= (task and 1 or 0)
  if native.look_for_deadlock(lock, task and task.co, task and task:_name(), is_last) then
    scheduler.wake(waiter, true)
  end
end

local function seek_deadlocks(now)
  sought_at = now
  local found, lists = {}, {}
  for lock in pairs(locks) do found[#found + 1], lists[#lists + 1] = lock, watched[lock] end
  for i, lock in ipairs(found) do
    for _, waiter in ipairs(waiters.standing(lists[i])) do seek_deadlock(lock, waiter) end
  end
end

-- Any of many -----------------------------------------------------------------------------------------

local is_source = function(thing) return type(thing) == "table" end

-- The places of the ready things.
local function look_at_all(things)
  local found, natives, places = {}, {}, {}
  for place, thing in ipairs(things) do
    if not is_source(thing) then
      natives[#natives + 1], places[#places + 1] = thing, place
    elseif thing:_is_ready() then
      found[#found + 1] = place
    end
  end
  if #natives == 0 then return found end
  local list, why = native.wait_any(natives, 0)
  if not list then return nil, why end
  for _, n in ipairs(list) do found[#found + 1] = places[n] end
  table.sort(found)
  return found
end

-- Adds a proxy of the waiter to the list of each thing; true: one has become ready meanwhile.
local function add_to_all(things, waiter, at_each_ring)
  waiter.proxies = {}
  local function proxy()
    local made = { of = waiter }
    table.insert(waiter.proxies, made)
    return made
  end
  for _, thing in ipairs(things) do
    if is_source(thing) then
      if thing:_is_ready() then return true end
      add(thing._waiters, proxy())
    elseif type(thing) == "number" then
      if add_to_descriptor(thing, READ, proxy()) ~= false then return true end
    else
      local is_ready, fd = add_to_watched(thing, proxy(), true, at_each_ring)
      if is_ready then return true end
      if fd then add_to_descriptor(fd, READ, proxy(), true) end
    end
  end
  return false
end

-- As wait_any of core/wait_any.c; sources may be among the things. Once: each change ends it, also one that another
-- thread has used up by then.
function scheduler.wait_any(things, timeout, once)
  local due = due_of(timeout)
  local has_slept = false
  while true do
    local found, why = look_at_all(things)
    if not found or #found > 0 or (due and time() >= due) or (once and has_slept) then return found, why end
    local waiter = me()
    has_slept = true
    if add_to_all(things, waiter, once) then
      withdraw(waiter)
    else
      park(waiter, due)
    end
  end
end

-- Methods ---------------------------------------------------------------------------------------------

-- How a waiter comes to stand where something will wake it; the names are those of core/waits.lua. True: the method
-- should try again at once.
local stand = {}
sources.stand = stand

function stand.by_handle(waiter, handle) return add_to_watched(handle, waiter) end
function stand.by_lock(waiter, handle)
  local is_ready = add_to_watched(handle, waiter)
  if not is_ready then locks[handle], waiter.sought = true, nil end
  return is_ready
end
function stand.by_each_change(waiter, handle) return add_to_watched(handle, waiter, true, true) end
function stand.by_handle_and_descriptor(waiter, worker) return add_to_all({ worker }, waiter) end
function stand.by_descriptor(waiter, stream) return add_to_descriptor(stream:fileno(), READ, waiter) ~= false end
function stand.in_list(waiter, q, way) return local_waits.add(waiter, q, way) end

-- For the scheduler -----------------------------------------------------------------------------------

function sources.are_wanted() return wanted_count > 0 or watched_count > 0 end

-- Whether all waits are for handles, and nothing but this program ends one.
function sources.are_of_program() return wanted_count == own_count and not next(hot) end

-- The longest time for which the loop may sleep; 0 if a handle has to be checked now.
function sources.seconds_to_sleep(now)
  if next(hot) then return 0 end
  local seconds = watched_count > 0 and LOOK_AGAIN or math.huge
  if next(locks) then seconds = math.min(seconds, math.max(0, sought_at + DEADLOCK_EVERY - now)) end
  if wanted_count > 0 then seconds = math.min(seconds, math.max(0, renewed_at + RENEW_EVERY - now)) end
  return seconds
end

-- Called after the loop's sleep; `fired` has pairs of a descriptor and its readiness.
function sources.look(fired, count, was_rung, now)
  for i = 1, count, 2 do on_descriptor(fired[i], fired[i + 1]) end
  local is_due = was_rung or now - looked_at >= LOOK_AGAIN or next(hot)
  if watched_count > 0 and now - swept_at >= LOOK_AGAIN then
    swept_at = now
    get_loop():sweep()
  end
  if watched_count > 0 and is_due then look_at_handles(now) end
  if now - sought_at >= DEADLOCK_EVERY and next(locks) then seek_deadlocks(now) end
  if wanted_count == 0 then return end
  if now - renewed_at >= RENEW_EVERY then renew_descriptors(now) end
end

return sources
