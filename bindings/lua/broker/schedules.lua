-- SPDX-License-Identifier: MIT
-- Schedules: a function that runs at the times that a line of cron says. The server keeps them; workers
-- put the task of each time that is due into the stream, signed anew. A task is named after its schedule
-- and its time, which is its number.
--
--   schedule   name, cron (the text of its times), catchup, version; and func, init, flags, body, abi,
--              label, mac as of a task (codec.lua)
local require = ...

local checks = require("core.checks")
local codec = require("broker.codec")
local cron = require("broker.cron")
local posting = require("broker.posting")

local schedules = {}

local NEVER = 2 ^ 40 -- a schedule's own signature is good until it goes

-- text → the times; raises what is wrong with it.
function schedules.check_times(text, where)
  local times, why = cron.read(text)
  if not times then checks.fail(where .. ": argument 2: " .. why) end
  return times
end

-- by, f, entry, args, opts: as in posting.new_task
function schedules.new(by, name, text, f, entry, args, opts)
  local task = posting.new_task(by, f, entry, args, opts)
  local schedule = {
    name = name, cron = text, catchup = opts and opts.catchup or "once", func = task.func, init = task.init,
    body = task.body, abi = task.abi, label = task.label, priority = task.priority, limit = task.limit,
    flags = task.flags:gsub("^(%S+ %S+ %S+ %S+ )%S+ (%d)%d*", function(head, copy)
      return string.format("%s%.0f %d", head, NEVER, copy == "0" and 0 or 1) -- the same in all programs
    end),
  }
  schedule.mac, schedule.version = codec.sign_schedule(by.secrets, by.name, schedule)
  return schedule
end

-- The task of the time that is due, and the time after it; nil and why. due, now: seconds since 1970
function schedules.task_of(secrets, pool_name, schedule, due, now)
  local is_genuine = codec.is_schedule_signed(secrets, pool_name, schedule)
  if not is_genuine and (secrets[1] or schedule.mac ~= "") then
    return nil, "BadSignature: the schedule was not signed with a secret of this worker"
  end
  local times, why = cron.read(schedule.cron)
  if not times then return nil, why end
  local at = schedule.catchup == "all" and due or math.max(due, cron.latest(times, now))
  local task = {
    client = codec.SCHEDULED .. schedule.name, seq = string.format("%.0f", at), func = schedule.func,
    init = schedule.init, flags = codec.renew_flags(schedule.flags, codec.POSTED_SECONDS), body = schedule.body,
    abi = schedule.abi, label = schedule.label, priority = schedule.priority, limit = schedule.limit,
  }
  task.mac = codec.sign_task(secrets, pool_name, task)
  return task, cron.next(times, at)
end

return schedules
