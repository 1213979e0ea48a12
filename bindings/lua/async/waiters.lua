-- SPDX-License-Identifier: MIT
-- The lists and timers of a scheduler's waiters (scheduler.lua): lists in order of arrival, and a heap by the time at
-- which a wait ends. Operations on lists take constant time, those on the heap logarithmic time.
--
--   list     head, tail, count; the places from head to tail have a waiter or false
--   waiter   list, slot: its list and its place in it; due, pos: its time, and its place in the heap; is_pausing: it
--            will try again then, and go on only if it finds something
local waiters = {}

-- Lists of waiters ------------------------------------------------------------------------------------

function waiters.new_list() return { head = 1, tail = 0, count = 0 } end

-- The waiters in it, in order.
function waiters.standing(list)
  local standing = {}
  for at = list.head, list.tail do
    if list[at] then standing[#standing + 1] = list[at] end
  end
  return standing
end

local function compact(list)
  local standing = waiters.standing(list)
  for at = list.head, list.tail do list[at] = nil end
  for at, waiter in ipairs(standing) do list[at], waiter.slot = waiter, at end
  list.head, list.tail = 1, #standing
end

local function add(list, waiter)
  local at = list.tail + 1
  list[at], list.tail, list.count = waiter, at, list.count + 1
  waiter.list, waiter.slot = list, at
  if at - list.head > 2 * list.count + 16 then compact(list) end
end

-- The first place of a list that is not empty has a waiter.
local function remove(list, waiter)
  list[waiter.slot], waiter.list = false, nil
  list.count = list.count - 1
  local head, tail = list.head, list.tail
  while head <= tail and not list[head] do
    list[head], head = nil, head + 1
  end
  while tail >= head and not list[tail] do
    list[tail], tail = nil, tail - 1
  end
  if tail < head then head, tail = 1, 0 end
  list.head, list.tail = head, tail
end

-- Timers ----------------------------------------------------------------------------------------------

local timers, timer_count = {}, 0 -- a heap by due
local pausing = 0 -- how many of them pause

local function sift_up(at, waiter)
  local due = waiter.due
  while at > 1 do
    local above = math.floor(at / 2)
    local other = timers[above]
    if other.due <= due then break end
    timers[at], other.pos = other, at
    at = above
  end
  timers[at], waiter.pos = waiter, at
end

local function sift_down(at, waiter)
  local due, count = waiter.due, timer_count
  while true do
    local below = at * 2
    if below > count then break end
    local other = timers[below]
    if below < count and timers[below + 1].due < other.due then
      below = below + 1
      other = timers[below]
    end
    if other.due >= due then break end
    timers[at], other.pos = other, at
    at = below
  end
  timers[at], waiter.pos = waiter, at
end

local function set_timer(waiter, due)
  waiter.due = due
  timer_count = timer_count + 1
  if waiter.is_pausing then pausing = pausing + 1 end
  sift_up(timer_count, waiter)
end

local function drop_timer(waiter)
  local at, moved = waiter.pos, timers[timer_count]
  waiter.pos = nil
  if waiter.is_pausing then pausing = pausing - 1 end
  timers[timer_count] = nil
  timer_count = timer_count - 1
  if moved == waiter then return end
  if at > 1 and timers[math.floor(at / 2)].due > moved.due then sift_up(at, moved) else sift_down(at, moved) end
end

-- Seconds until the first timer is due; nil: there is none.
function waiters.first_due(now) return timer_count > 0 and math.max(0, timers[1].due - now) or nil end

-- Whether a time ends a wait.
function waiters.has_due() return timer_count > pausing end

-- The first waiter whose time has come, or nil.
function waiters.overdue(now)
  local first = timers[1]
  return first and first.due <= now and first or nil
end

function waiters.forget_timers() timers, timer_count, pausing = {}, 0, 0 end

waiters.add, waiters.remove, waiters.set_timer, waiters.drop_timer = add, remove, set_timer, drop_timer

return waiters
