-- SPDX-License-Identifier: MIT
-- Ends all tasks of a pool that wait: each has the outcome "cancelled".
local require = ...

local errors = require("core.errors")
local codec = require("broker.codec")

local upkeep = {}

local AT_ONCE, KEPT_MS = 100, "3600000"

-- The outcome of a task that was cancelled.
function upkeep.cancelled(secrets, pool_name, task)
  local payload = codec.encode_failure(errors.of_kind("cancelled", "the task was cancelled"))
  local outcome = { kind = "v:0", payload = payload }
  if task.seq == "0" then outcome.kind, outcome.payload = "j:0", codec.foreign_outcome(payload) end
  outcome.mac = codec.sign_result(secrets, pool_name, task, outcome.kind, outcome.payload)
  return outcome
end

local function must(reply, why)
  if reply == nil then error(why, 0) end
  return reply
end

local function end_all(session, secrets, pool_name, next_tasks, end_task)
  local count = 0
  while true do
    local tasks = must(next_tasks())
    if #tasks == 0 then return count end
    local before = count
    for _, task in ipairs(tasks) do
      local what = must(end_task(session, task, upkeep.cancelled(secrets, pool_name, task), KEPT_MS))
      if what ~= "unknown" and what ~= "ended" then count = count + 1 end
    end
    if count == before then return count end -- others end the same tasks
  end
end

-- → how many; raises why it cannot go on
function upkeep.purge(session, secrets, pool_name, abis)
  local count = 0
  for _, abi in ipairs(abis) do
    count = count + end_all(session, secrets, pool_name, function() return session:waiting(abi, AT_ONCE) end,
      session.end_waiting)
    count = count + end_all(session, secrets, pool_name, function()
      local tasks = {}
      for i, name in ipairs(must(session:due_later(abi, AT_ONCE))) do tasks[i] = codec.task_named(name) end
      return tasks
    end, session.withdraw)
  end
  return count
end

return upkeep
