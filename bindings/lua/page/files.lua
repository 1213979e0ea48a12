-- SPDX-License-Identifier: MIT
-- Files that a command writes when its work is done: their names are checked before it begins, and a file that is
-- there stays as it is until then. The name "-" is stdout.
local files = {}

-- Makes sure that the file can be written: one that is there stays as it is, another one is there now, and empty. →
-- true; or nil and why it cannot be written.
function files.prepare(path)
  if path == "-" then return true end
  local file, why = io.open(path, "ab")
  if not file then return nil, why end
  file:close()
  return true
end

-- The same, but no file is left that was not there.
function files.check(path)
  local before = io.open(path, "rb")
  if before then before:close() end
  local ok, why = files.prepare(path)
  if ok and not before and path ~= "-" then os.remove(path) end
  return ok, why
end

-- Replaces its content: true; or nil and why not.
function files.write(path, content)
  local file, why = io.stdout, nil
  if path ~= "-" then file, why = io.open(path, "wb") end
  local ok = file
  if file then ok, why = file:write(content) end
  if ok then ok, why = file:flush() end
  if file and path ~= "-" then file:close() end
  if not ok then return nil, why end
  return true
end

-- The content; or nil and why it cannot be read.
function files.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local content, problem = file:read("*a")
  file:close()
  if not content then return nil, path .. ": " .. tostring(problem) end
  return content
end

return files
