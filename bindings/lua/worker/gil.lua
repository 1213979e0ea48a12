-- SPDX-License-Identifier: MIT
-- The VM lock for scripts: gil(), setswitchinterval(), getswitchinterval(), and the variable MANYMOONS_GIL.
local require, native = ...

local checks = require("core.checks")

local expect = checks.expect

local gil = {}

local function check_schedule(schedule, where)
  local is_known = schedule == nil or schedule == "fair" or schedule == "legacy"
  expect(is_known, where, "schedule: 'fair' or 'legacy' expected, got " .. checks.show(schedule))
end

-- gil() → counts and times of the VM lock; gil{ schedule = "fair" or "legacy" } sets its schedule
function gil.gil(options)
  if options ~= nil then
    expect(type(options) == "table", "gil", "a table of options expected, got " .. type(options))
    checks.check_options(options, { schedule = true }, "gil")
    check_schedule(options.schedule, "gil")
    native.gil_set(options.schedule)
  end
  return native.gil()
end

function gil.setswitchinterval(seconds)
  expect(type(seconds) == "number" and seconds > 0 and seconds <= 1000, "setswitchinterval",
    "a number of seconds above 0 expected, got " .. checks.show(seconds))
  native.gil_set(nil, seconds)
end

function gil.getswitchinterval() return native.gil().interval end

local wanted_schedule = native.environment("MANYMOONS_GIL")
if wanted_schedule and wanted_schedule ~= "" then
  check_schedule(wanted_schedule, "MANYMOONS_GIL")
  native.gil_set(wanted_schedule)
end

return gil
