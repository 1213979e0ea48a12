-- SPDX-License-Identifier: MIT
-- The end of manymoons compare: its exit status, and its error message on stderr.
local require = ...

local usage = require("terminal.usage")

local outcome = {}

local FAILED = 1

function outcome.exit_with(status)
  io.stdout:flush()
  os.exit(status)
end

local function say(message) io.stderr:write("manymoons compare: ", message, "\n") end

-- Something that the world may do was in the way.
function outcome.fail(...)
  say(string.format(...))
  outcome.exit_with(FAILED)
end

-- The command line is wrong.
function outcome.refuse(...) usage.refuse("compare", string.format(...)) end

function outcome.warn(...) say(string.format(...)) end

return outcome
