-- SPDX-License-Identifier: MIT
-- Files and the output of commands, for the checks and the makers of pages that are written in Lua.
local files = {}

-- Raises for a command that fails.
function files.lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  assert(pipe:close(), command)
  return list
end

function files.text_of(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

function files.write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

return files
