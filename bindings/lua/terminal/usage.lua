-- SPDX-License-Identifier: MIT
-- Wrong uses of a subcommand: one line on stderr, which offers the option that is meant, and exit status 2.
local require = ...

local checks = require("core.checks")

local WRONG_USE = 2

local usage = {}

-- Ends the program. command: the subcommand's name
function usage.refuse(command, text)
  io.stdout:flush()
  io.stderr:write("manymoons ", command, ": ", text, " (try --help)\n")
  os.exit(WRONG_USE)
end

-- The options that the text of a usage has, and those that every subcommand takes.
local function options_of(text)
  local names = { ["--world"] = true }
  for name in text:gmatch("%f[-%w]%-%-?[%w-]+") do names[name] = true end
  return names
end

-- Ends the program: the word is no option of the usage, or one word too many.
function usage.refuse_word(command, word, text)
  if word:sub(1, 1) ~= "-" then return usage.refuse(command, "unexpected '" .. word .. "'") end
  local best = checks.nearest(word:match("^[^=]*"), options_of(text))
  usage.refuse(command, ("unknown option '%s'%s"):format(word, best and ": did you mean '" .. best .. "'?" or ""))
end

return usage
