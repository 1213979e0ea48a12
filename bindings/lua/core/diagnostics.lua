-- SPDX-License-Identifier: MIT
-- Diagnostics on stderr: failures that no call can return or raise.
local diagnostics = {}

function diagnostics.report(text)
  io.stdout:flush()
  io.stderr:write("manymoons: ", text, "\n")
end

return diagnostics
