-- SPDX-License-Identifier: MIT
-- The answers of sandboxed workers, of which a pool believes nothing. The guard has checked order and outcome
-- (pool/pool_guard.c), and the decoder takes data alone; here are the values that the pool itself reads.
local require = ...

local protocol = require("pool.protocol")

local foreign = {}

local kinds = { error = true, unsendable = true }

local function text_or(value, other) return type(value) == "string" and value or other end

-- A failure (core/failure.h) of plain values. Its `value` is bytes, which core/errors.lua decodes as a stranger's.
function foreign.failure(given)
  local failure = type(given) == "table" and given or {}
  local kind = rawget(failure, "kind")
  return {
    kind = kinds[kind] and kind or "error",
    message = text_or(rawget(failure, "message"), "the sandboxed worker sent a malformed error"),
    traceback = text_or(rawget(failure, "traceback"), ""),
    worker = text_or(rawget(failure, "worker"), nil),
    value = text_or(rawget(failure, "value"), nil),
    trust = "stranger",
  }
end

-- Whether the part begins behind the last one, ends with the task at most, and ends it if it says so.
local function fits(task, outcome, first, count)
  local last = first + count - 1
  return first == math.max(task.answered, task.skip) + 1 and last <= task.count and
    (outcome ~= protocol.OK or last == task.count)
end

-- Results and failures of the items of a part, as plain lists.
local function part(count, values, failures)
  local clean_values, clean_failures = {}, failures and {} or nil
  for i = 1, count do
    local failure = failures and rawget(failures, i)
    clean_values[i] = rawget(values, i)
    if failure ~= nil then clean_failures[i] = foreign.failure(failure) end
  end
  return clean_values, clean_failures
end

local function list_answer(task, outcome, first, count, ns, values, failures)
  local is_right = fits(task, outcome, first, count)
  if is_right and outcome == protocol.UNDECODABLE then return outcome, first, count, ns, values end
  is_right = is_right and type(values) == "table" and (failures == nil or type(failures) == "table")
  if not is_right then return protocol.FAILED, first, 0, ns, foreign.failure(nil) end
  return outcome, first, count, ns, part(count, values, failures)
end

-- outcome, first, count, ns, values… of an answer, as pool/results.lua may use them; `task` is nil for a worker's
-- initializer.
function foreign.answer(task, outcome, first, count, ns, ...)
  if outcome == protocol.FAILED or outcome == protocol.INITIALIZER_FAILED then
    return outcome, first, count, ns, foreign.failure((...))
  end
  if not task or task.mode == protocol.CALL then return outcome, first, count, ns, ... end
  return list_answer(task, outcome, first, count, ns, ...)
end

return foreign
