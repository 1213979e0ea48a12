-- SPDX-License-Identifier: MIT
-- Diagnostics on stderr: failures that no call can return or raise.
local diagnostics = {}

function diagnostics.report(text)
  if io.stdout then io.stdout:flush() end
  if io.stderr then io.stderr:write("manymoons: ", text, "\n") end
end

return diagnostics
