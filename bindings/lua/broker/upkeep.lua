-- SPDX-License-Identifier: MIT
-- Ends tasks of a pool: each has the outcome "cancelled".
local require = ...

local errors = require("core.errors")
local codec = require("broker.codec")

local upkeep = {}

local KEPT_MS = "3600000"

-- The outcome of a task that was cancelled.
function upkeep.cancelled(secrets, pool_name, task)
  local payload = codec.encode_failure(errors.of_kind("cancelled", "the task was cancelled"))
  local outcome = { kind = "v:0", payload = payload }
  if task.seq == "0" then outcome.kind, outcome.payload = "j:0", codec.foreign_outcome(payload) end
  outcome.mac = codec.sign_result(secrets, pool_name, task, outcome.kind, outcome.payload)
  return outcome
end

local function must(reply, more)
  if reply == nil then error(more, 0) end
  return reply, more
end

local function is_wanted(task, text) return not text or codec.function_shown(task):find(text, 1, true) ~= nil end

-- → how many of a place were ended
local function end_all(session, secrets, pool_name, place, text)
  local count, from = 0, nil
  repeat
    local tasks, following = must(session:tasks_at(place, from, text ~= nil))
    for _, task in ipairs(tasks) do
      if is_wanted(task, text) then
        local what = must(session:end_task(task, upkeep.cancelled(secrets, pool_name, task), KEPT_MS))
        if what ~= "unknown" and what ~= "ended" then count = count + 1 end
      end
    end
    from = following
  until not from
  return count
end

-- Cancels what waits or comes later; or, with a text, those whose function contains it, also what runs. → how many;
-- raises why it cannot go on
function upkeep.cancel_all(session, secrets, pool_name, abis, text)
  local count = 0
  repeat -- tasks change their places meanwhile
    local before = count
    for _, place in ipairs(must(session:places(abis))) do
      count = count + end_all(session, secrets, pool_name, place, text)
    end
  until count == before
  return count
end

return upkeep
