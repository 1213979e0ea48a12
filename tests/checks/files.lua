-- SPDX-License-Identifier: MIT
-- Files and the output of commands, for the checks that are written in Lua.
local files = {}

function files.lines_of(command)
  local pipe = assert(io.popen(command))
  local list = {}
  for line in pipe:lines() do list[#list + 1] = line end
  pipe:close()
  return list
end

function files.text_of(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

return files
