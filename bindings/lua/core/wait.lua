-- SPDX-License-Identifier: MIT
-- mm.wait: waits until one of many things is ready, or all are, or one has failed.
--
-- __mm_wait in a thing's metatable returns what to wait for: true (it is ready), a handle or a descriptor; or nil and
-- why it cannot be waited for. Handles of C are waited for directly (core/wait_any.c). __mm_failed says whether a thing
-- that is ready has failed; things that cannot fail have none.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local waits = require("core.waits")

local function refuse(what) checks.fail("wait: " .. what) end

-- The target to wait for in place of the thing; whether the thing is ready when the target is; and a list of further
-- targets that may end the wait.
local function target_of(thing, place)
  local meta = getmetatable(thing)
  local ask = type(meta) == "table" and rawget(meta, "__mm_wait")
  if type(ask) == "function" then
    local target, final, others = ask(thing)
    if target == nil then refuse("thing " .. place .. ": " .. final) end
    return target, final, others
  end
  local is_descriptor = checks.is_whole(thing, 0, 2147483647)
  if not is_descriptor and type(ask) ~= "userdata" then
    local got = type(thing) == "number" and tostring(thing) or type(thing)
    refuse("thing " .. place .. ": a queue, connection, process, future, event or descriptor expected, got " .. got)
  end
  return thing, true
end

-- Asks each thing once: the ready ones, and the targets of the others.
local function check_all(things)
  local is_ready, targets, places, is_final, any, is_among = {}, {}, {}, {}, false, {}
  for i = 1, #things do
    local target, final, others = target_of(things[i], i)
    if target == true then
      is_ready[i], any = true, true
    else
      targets[#targets + 1], places[#places + 1], is_final[#is_final + 1] = target, i, final
    end
    if others and target ~= true and not is_among[others] then
      is_among[others] = true
      for _, other in ipairs(others) do
        targets[#targets + 1], places[#places + 1], is_final[#is_final + 1] = other, i, false
      end
    end
  end
  return { is_ready = is_ready, targets = targets, places = places, is_final = is_final, any = any }
end

local function pick(things, is_ready)
  local list = {}
  for i = 1, #things do
    if is_ready[i] then list[#list + 1] = things[i] end
  end
  return list
end

-- Waits for the targets, and marks the things that are ready. True if any is.
local function sleep(view, timeout)
  local found, why = waits.any(view.targets, timeout)
  if not found then refuse(why) end
  for _, n in ipairs(found) do
    if view.is_final[n] then view.is_ready[view.places[n]], view.any = true, true end
  end
  return view.any
end

local function are_any_ready(things) return sleep(check_all(things), 0) end

local WHEN = { first = true, all = true, first_error = true }

-- → seconds or nil, and when the wait ends
local function read_options(options)
  local timeout, when = options, nil
  if type(options) == "table" then
    checks.check_options(options, { timeout = true, when = true }, "wait")
    timeout, when = options.timeout, options.when
    if when ~= nil and not WHEN[when] then
      refuse("when: 'first', 'all' or 'first_error' expected, got " .. checks.show(when))
    end
  end
  local seconds, why = checks.read_timeout(timeout)
  if why then refuse(why) end
  return seconds, when or "first"
end

local function wait_for_first(things, timeout, is_endless_refused)
  local deadline = timeout and native.time() + timeout
  if timeout and timeout <= 0 and not are_any_ready(things) then waits.give_turn() end
  while true do
    local view = check_all(things)
    if sleep(view, 0) then return pick(things, view.is_ready) end
    if deadline and native.time() >= deadline then return {}, "timeout" end
    if is_endless_refused and not deadline and not waits.has_other_tasks() then
      errors.raise_kind("deadlock", "wait: would wait for ever in the serial world")
    end
    if #things == 0 and not deadline then refuse("nothing to wait for, and no timeout") end
    if sleep(view, deadline and math.max(0, deadline - native.time())) then return pick(things, view.is_ready) end
  end
end

local function has_failed(thing)
  local meta = getmetatable(thing)
  local ask = type(meta) == "table" and rawget(meta, "__mm_failed")
  return type(ask) == "function" and ask(thing)
end

-- The things in their order that are in the set, and those that are not.
local function split(things, set)
  local inside, outside = {}, {}
  for _, thing in ipairs(things) do
    local list = set[thing] and inside or outside
    list[#list + 1] = thing
  end
  return inside, outside
end

-- Waits until all are ready, or until one has failed if `ends_at_error`.
local function wait_for_all(things, timeout, is_endless_refused, ends_at_error)
  local deadline, is_ready, open = timeout and native.time() + timeout, {}, things
  while #open > 0 do
    local ready, why = wait_for_first(open, deadline and math.max(0, deadline - native.time()), is_endless_refused)
    if why then return (split(things, is_ready)), why end
    local failed = false
    for _, thing in ipairs(ready) do
      is_ready[thing] = true
      failed = failed or (ends_at_error and has_failed(thing))
    end
    if failed then break end
    open = select(2, split(open, is_ready))
  end
  return (split(things, is_ready))
end

-- wait(things, timeout or { timeout =, when = }) → the ready ones, in order; and "timeout", if it ended so
return function(is_endless_refused)
  return function(things, options)
    if type(things) ~= "table" or getmetatable(things) then
      refuse("argument 1: a list of things expected, got " .. type(things))
    end
    local timeout, when = read_options(options)
    if when == "first" then return wait_for_first(things, timeout, is_endless_refused) end
    return wait_for_all(things, timeout, is_endless_refused, when == "first_error")
  end
end
