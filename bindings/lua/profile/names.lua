-- SPDX-License-Identifier: MIT
-- What the functions of a profile are called. A sample knows the file and the line in which a function begins; its name
-- stands there, in the file's text, and does not depend on the caller.
local _, native = ...

local names = {}

local PATTERNS = {
  "function%s+([%w_][%w_.:]*)%s*%(",
  "([%w_][%w_.]*)%s*=%s*function%s*%(",
  "%[%s*[\"']([%w_.]+)[\"']%s*%]%s*=%s*function%s*%(",
}

local function split(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("(.-)\r?\n") do lines[#lines + 1] = line end
  return lines
end

-- The text of a source as Lua has it, or nil: a file, or a part of this library. Where another program is looked at it
-- has named the file. pid: the process in whose folder relative paths begin.
local function text_of(source, pid)
  if source:sub(1, 1) == "@" then return (native.read_regular_file(source:sub(2), pid)) end
  local own = source:match("^=manymoons/(.+)%.lua$")
  local ok, text = pcall(native.embedded, own and own:gsub("/", ".") or "")
  return ok and text or nil
end

local function name_in(line)
  for _, pattern in ipairs(PATTERNS) do
    local found = line:match(pattern)
    if found then return found end
  end
end

-- The name of the function that begins in a line of a source, or nil. One reader for each profile. pid: of a running
-- program, whose folder may be another one.
function names.reader(pid)
  local texts = {}
  return function(source, line)
    if not texts[source] then
      local text = text_of(source, pid)
      texts[source] = text and split(text) or {}
    end
    local text = texts[source][line]
    return text and name_in(text)
  end
end

-- A source for people.
function names.file(source)
  local first = source:sub(1, 1)
  if first == "@" or first == "=" then return (source:sub(2):gsub("^%./", "")) end
  return source
end

function names.is_internal(source) return source:find("^=manymoons/") ~= nil end

return names
