-- SPDX-License-Identifier: MIT
-- The end of manymoons compare: its exit status, and its error message on stderr.
local outcome = {}

function outcome.exit_with(status)
  io.stdout:flush()
  os.exit(status)
end

function outcome.fail(message)
  io.stderr:write(message)
  outcome.exit_with(1)
end

return outcome
