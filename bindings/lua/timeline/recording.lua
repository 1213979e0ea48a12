-- SPDX-License-Identifier: MIT
-- mm.trace: records a timeline of this program (vm/trace/recorder.h).
local require, native = ...

local checks = require("core.checks")
local identity = require("core.identity")

local expect = checks.expect
local LEAST_LIMIT = 1024 -- events

local recording = { LEAST_LIMIT = LEAST_LIMIT }

local function name_of_program()
  local arguments = rawget(_G, "arg")
  local script = type(arguments) == "table" and arguments[0]
  return type(script) == "string" and script or identity.current().name
end

-- trace(path, { limit = N }) starts a recording; trace(nil) ends it.
function recording.trace(path, options)
  expect(not native.settings(), "trace", "the program itself records, not a worker")
  if path == nil then return native.trace_stop() end
  expect(type(path) == "string", "trace", "the name of a file expected, got " .. type(path))
  expect(options == nil or type(options) == "table", "trace", "options: a table expected")
  options = options or {}
  checks.check_options(options, { limit = true }, "trace")
  local limit = options.limit
  expect(limit == nil or (type(limit) == "number" and limit >= LEAST_LIMIT and limit < 2 ^ 53), "trace",
    "limit: a number of events, " .. LEAST_LIMIT .. " or more, expected, got " .. checks.show(limit))
  return native.trace_start(path, name_of_program(), limit)
end

-- A subcommand's recording --------------------------------------------------------------------------------------------

local at_end -- called at the end of the program

-- Starts a recording whose text finish_with gets at the end of the program: finish_with(text), or finish_with(nil,
-- why); text is true if the recorder has written it to `path` itself (nil: it has not). → true; or nil and why.
function recording.begin(path, limit, finish_with)
  local ok, why = native.trace_start(path, name_of_program(), limit)
  if not ok then return nil, why end
  at_end = function() finish_with(native.trace_stop()) end
  return true
end

-- The end of the program.
function recording.finish()
  local finish = at_end
  at_end = nil
  if finish then finish() end
end

function recording.after_fork() at_end = nil end

return recording
