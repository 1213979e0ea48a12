-- SPDX-License-Identifier: MIT
-- What tasks wait for outside of the VM's own code: descriptors, handles of objects that are shared, any of many.
--
--   descriptor  polled by async/loop.c while somebody waits for it
--   handle      of a queue, a lock, a worker, …: whoever changes it rings the loop's waker, and then all are looked at
--   source      a Lua object with _is_ready() and a list of waiters, _waiters
--
-- A part of the scheduler: who may call it and what needs no lock is said there.
local _, native, scheduler, schedulers = ...

local time = native.time
local waiters = scheduler.waiters
local new_list, add = waiters.new_list, waiters.add
local wake_all = schedulers.wake_all
local me, park, withdraw = scheduler.me, scheduler.park, scheduler.withdraw
local due_of = schedulers.due_of
local get_loop = scheduler.get_loop

local READ, WRITE = 1, 2
-- Seconds after which what is waited for is looked at in any case: who was to ring may have died; a descriptor may have
-- been closed.
local LOOK_AGAIN, RENEW_EVERY = 0.25, 1

local descriptors = {} -- fd → { [READ] = list, [WRITE] = list, wanted = what the loop was told, a set of these }
local wanted_count = 0 -- those of which something is wanted
local watched, watched_count = {}, 0 -- handle → list
local hot = {} -- handles that were ready when they were last looked at
local renewed_at = 0

local sources = {}

-- Descriptors -----------------------------------------------------------------------------------------

local function is_wanted(list) return list ~= nil and list.count > 0 end

local function wants(entry)
  return (is_wanted(entry[READ]) and READ or 0) + (is_wanted(entry[WRITE]) and WRITE or 0)
end

-- An entry stays for the next wait until renew_descriptors finds that nobody wants it.
local function set_wanted(entry, what)
  if entry.wanted == 0 and what ~= 0 then wanted_count = wanted_count + 1 end
  if entry.wanted ~= 0 and what == 0 then wanted_count = wanted_count - 1 end
  entry.wanted = what
end

local function fail_descriptor(fd, entry, why)
  descriptors[fd] = nil
  set_wanted(entry, 0)
  for what = READ, WRITE do
    if entry[what] then schedulers.wake_all(entry[what], nil, why) end
  end
end

-- Adds the waiter to those that wait for fd. True: it is a file, and always ready; nil and why: it is not open.
local function add_to_descriptor(fd, what, waiter)
  local entry = descriptors[fd]
  if not entry then
    entry = { wanted = 0 }
    descriptors[fd] = entry
  end
  local list = entry[what]
  if not list then
    list = new_list()
    entry[what] = list
  end
  local all = what
  if entry.wanted ~= 0 and entry.wanted ~= what then
    set_wanted(entry, wants(entry)) -- who waited may have given up
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

-- A descriptor that was closed tells nobody.
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
  watched[thing], hot[thing] = nil, nil
  watched_count = watched_count - 1
end

-- Adds the waiter to those that wait for the handle; true: it is ready.
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

local function look_at_handles()
  local things, lists = {}, {}
  for thing, list in pairs(watched) do things[#things + 1], lists[#lists + 1] = thing, list end
  for i, thing in ipairs(things) do
    if watched[thing] == lists[i] then look_at_handle(thing, lists[i]) end
  end
end

-- Waits until the handle is ready: true, or nil and "timeout". Another one may be first.
-- With `at_each_ring` whatever happens to it ends the wait.
function scheduler.wait_handle(thing, due, at_each_ring)
  local waiter = me()
  if add_to_watched(thing, waiter, at_each_ring, at_each_ring) then return true end
  return park(waiter, due)
end

-- Any of many -----------------------------------------------------------------------------------------

local is_source = function(thing) return type(thing) == "table" end

-- The places of those that are ready.
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

-- Adds a proxy of the waiter to each; true: one is ready after all.
local function add_to_all(things, waiter)
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
      local is_ready, fd = add_to_watched(thing, proxy(), true)
      if is_ready then return true end
      if fd then add_to_descriptor(fd, READ, proxy()) end
    end
  end
  return false
end

-- As core/wait_any.c, and sources may be among the things.
function scheduler.wait_any(things, timeout, once)
  local due = due_of(timeout)
  local has_slept = false
  while true do
    local found, why = look_at_all(things)
    if not found or #found > 0 or (due and time() >= due) or (once and has_slept) then return found, why end
    local waiter = me()
    has_slept = true
    if add_to_all(things, waiter) then
      withdraw(waiter)
    else
      park(waiter, due)
    end
  end
end

-- For the scheduler -----------------------------------------------------------------------------------

function sources.are_wanted() return wanted_count > 0 or watched_count > 0 end

-- Whether there is something to look at at once; else how long the loop may sleep at most.
function sources.seconds_to_sleep(now)
  if next(hot) then return 0 end
  local seconds = watched_count > 0 and LOOK_AGAIN or math.huge
  if wanted_count > 0 then seconds = math.min(seconds, math.max(0, renewed_at + RENEW_EVERY - now)) end
  return seconds
end

-- After the loop's sleep: fired has pairs of a descriptor and what it is ready for.
function sources.look(fired, count, was_rung, seconds, now)
  for i = 1, count, 2 do on_descriptor(fired[i], fired[i + 1]) end
  if watched_count > 0 and (was_rung or seconds >= LOOK_AGAIN or next(hot)) then look_at_handles() end
  if wanted_count == 0 then return end
  if now - renewed_at >= RENEW_EVERY then renew_descriptors(now) end
end

return sources
