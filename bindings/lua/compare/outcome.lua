-- SPDX-License-Identifier: MIT
-- How manymoons compare ends: its exit status, and its complaint on stderr.
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
