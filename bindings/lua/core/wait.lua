-- SPDX-License-Identifier: MIT
-- mm.wait: waits until at least one of many things is ready.
--
-- __mm_wait in a thing's metatable returns what to wait for: true (it is ready), a handle or a descriptor; or nil and
-- why it cannot be waited for. Handles of C are waited for directly (core/wait_any.c).
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

local function read_timeout(timeout)
  if type(timeout) == "table" then
    checks.check_options(timeout, { timeout = true }, "wait")
    timeout = timeout.timeout
  end
  local seconds, why = checks.read_timeout(timeout)
  if why then refuse(why) end
  return seconds
end

-- wait(things, timeout or { timeout = }) → the ready ones, in order; or an empty list and "timeout"
return function(is_endless_refused)
  return function(things, timeout)
    if type(things) ~= "table" or getmetatable(things) then
      refuse("argument 1: a list of things expected, got " .. type(things))
    end
    timeout = read_timeout(timeout)
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
end
