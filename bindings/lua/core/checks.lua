-- SPDX-License-Identifier: MIT
-- Checks of arguments, and packed argument lists.
--
-- Errors point to the caller of the public function: `level` counts, as error's does, from the function that calls
-- `expect`.
local checks = {}

checks.unpack = table.unpack or unpack
function checks.pack(...) return { n = select("#", ...), ... } end

-- Raises unless is_right; the message names the public function and the argument.
function checks.expect(is_right, where, what, level)
  if not is_right then error(where .. ": " .. what, (level or 2) + 1) end
end

function checks.is_callable(value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

-- Whether two copies of the function, encoded at different times, behave alike: it has no upvalue but _ENV. A pool
-- encodes such a function once.
function checks.is_pure(f)
  local name = debug.getupvalue(f, 1)
  return name == nil or (name == "_ENV" and debug.getupvalue(f, 2) == nil)
end

-- Raises for an option whose name is not in the set `allowed`.
function checks.check_options(options, allowed, where)
  for key in pairs(options) do
    if not allowed[key] then error(where .. ": unknown option '" .. tostring(key) .. "'", 3) end
  end
end

return checks
