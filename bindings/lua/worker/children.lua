-- SPDX-License-Identifier: MIT
-- The children of this VM: workers started as a Process that are not known to have ended, in order of start. The list
-- keeps a Process without other references alive, so it is joined, or terminated if it is a daemon, when its parent
-- ends.
--
--   child   a Process: _worker, _daemon, _starter (identity.execution_context() of the caller of start),
--           _is_ended_by_parent, _is_noted
local require, native = ...

local diagnostics = require("core.diagnostics")
local errors = require("core.errors")
local identity = require("core.identity")
local waits = require("core.waits")
local log = require("worker.log")

local children = {}
local started = {}
local starters = setmetatable({}, { __mode = "k" }) -- the _starter of each: a set
-- The length of the list at which the ended ones are looked for next: twice that of the last time, so that a start
-- costs the same however many children there are.
local LEAST = 16
local next_look = LEAST

-- The child ends with this context.
function children.give(child, context)
  child._starter = context
  starters[context or false] = true
end

function children.add(child)
  children.give(child, identity.execution_context())
  started[#started + 1] = child
end

-- Says once, where that is logged, that the child has ended.
function children.note_end(child)
  if child._is_noted or child._worker:is_alive() then return end
  child._is_noted = true
  log.say_end(child._name, child._worker:exitcode())
end

function children.forget_ended()
  native.settle_fork()
  local alive = {}
  for _, child in ipairs(started) do
    if child._worker:is_alive() then alive[#alive + 1] = child else children.note_end(child) end
  end
  started, next_look = alive, math.max(LEAST, 2 * #alive)
end

-- The same when it is due.
function children.forget_when_due()
  native.settle_fork()
  if #started >= next_look then children.forget_ended() end
end

-- The children of the calling thread or task.
function children.active()
  if #started > 0 then waits.give_turn() end
  children.forget_ended()
  local list, here = {}, identity.execution_context()
  for _, child in ipairs(started) do
    if child._starter == here then list[#list + 1] = child end
  end
  return list
end

-- Whether the child has ended in time. One that never ends, because nothing is left that it waits for, is reported.
local function await(child, seconds)
  local ok, result = pcall(child._worker.wait, child._worker, seconds, true)
  if ok then return result end
  if getmetatable(result) ~= errors.Error or result.kind ~= "deadlock" then error(result, 0) end
  diagnostics.report(("%s does not end: it %s"):format(child.name, result.message))
  return false
end

function children.all() return started end

-- Terminates the children of a list.
local function terminate(list)
  for _, child in ipairs(list) do
    child._is_ended_by_parent = true
    child._worker:terminate()
  end
end

-- Waits for them; those that must end have a second.
local function await_all(list, must_end)
  for _, child in ipairs(list) do
    local is_limited = must_end or child._daemon
    if await(child, is_limited and 1 or nil) then children.note_end(child) else child._worker:close() end
  end
end

-- Ends the children that are not in the set.
function children.end_others(kept)
  local ending, others = {}, {}
  for _, child in ipairs(started) do
    local list = kept[child] and others or ending
    list[#list + 1] = child
  end
  started = others
  terminate(ending)
  await_all(ending, true)
end

-- Ends the children of `context`, by default the caller's; for the main thread, all children. how: "join" waits for
-- those that are not daemons, "terminate" stops all, "abandon" stops all without waiting.
function children.shutdown(how, context)
  local ending, others, here = {}, {}, context or identity.execution_context() or nil
  if here and not starters[here] then return end
  for _, child in ipairs(started) do
    local list = (not here or child._starter == here) and ending or others
    list[#list + 1] = child
  end
  started = others
  local stopped = {}
  for _, child in ipairs(ending) do
    if how ~= "join" or child._daemon then stopped[#stopped + 1] = child end
  end
  terminate(stopped)
  if how ~= "abandon" then await_all(ending, how == "terminate") end
end

function children.after_fork()
  started, starters = {}, setmetatable({}, { __mode = "k" })
end

return children
