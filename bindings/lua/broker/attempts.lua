-- SPDX-License-Identifier: MIT
-- What becomes of a posted task after an attempt: it runs again after a pause, or has its outcome. Errors and lost
-- workers count alike; a task that took too long, was cancelled or refused does not run again.
--
--   outcome   pause, line, attempts: it runs again; or kind, payload, mac, ttl, worker, and of one that
--             is given up also why and trace
local require, native = ...

local codec = require("broker.codec")

local attempts = {}

local LONGEST, SPREAD = 3600, 0.2
local SHOWN_MOST, TRACE_MOST = 300, 4000
local RUNS_AGAIN = { error = true, died = true }

local function first_line(text) return (text:match("^[^\n]*"):sub(1, SHOWN_MOST):gsub("[%c]", " ")) end

-- Seconds before the next attempt, after so many: twice as long each time.
local function pause_of(options, count)
  local pause = math.min(LONGEST, options.backoff * 2 ^ math.min(count, 40))
  local word = native.random_bytes(2)
  return pause * (1 - SPREAD + 2 * SPREAD * (word:byte(1) * 256 + word:byte(2)) / 65535)
end

local function encode(task, kind, text)
  if not task.json then return kind, text end
  return "j" .. kind:sub(2), codec.foreign_outcome(text)
end

-- worker: name, name_of_pool, secrets. kind, text: of the outcome as of any task; why: it is given up
function attempts.outcome_of(worker, task, kind, text, why)
  local options = task.options or codec.decode_flags(task.flags) or { retries = 0, ttl = codec.TTL }
  local failure = codec.is_failure(text) and codec.failure_of(text)
  if failure and RUNS_AGAIN[failure.kind] and task.losses < options.retries then
    return {
      attempts = 1, pause = pause_of(options, task.losses),
      line = string.format("%d %s %s", os.time(), worker.name, first_line(failure.message)),
    }
  end
  local outcome = { ttl = options.ttl, worker = worker.name }
  outcome.kind, outcome.payload = encode(task, kind, text)
  outcome.mac = codec.sign_result(worker.secrets, worker.name_of_pool, task, outcome.kind, outcome.payload)
  if failure then
    outcome.why, outcome.trace = first_line(why or failure.message), failure.traceback:sub(1, TRACE_MOST)
  end
  return outcome
end

-- A task that was lost with its worker.
function attempts.outcome_of_lost(worker, task)
  local why = "the task was lost: its worker died, or could not be reached"
  return attempts.outcome_of(worker, task, "v:0",
    codec.encode_failure({ kind = "died", message = why, worker = worker.name }))
end

return attempts
