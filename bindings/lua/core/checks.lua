-- SPDX-License-Identifier: MIT
-- Checks of arguments, and packed argument lists, for all rooms.
--
-- A public function raises at its caller: the level that `expect` and `check_options` take counts from the function
-- that calls them, as error's does.
local checks = {}

checks.unpack = table.unpack or unpack
function checks.pack(...) return { n = select("#", ...), ... } end

-- Raises at the caller of the public function, naming it and the argument.
function checks.expect(is_right, where, what, level)
  if not is_right then error(where .. ": " .. what, (level or 2) + 1) end
end

function checks.is_callable(value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

-- allowed: a set of names
function checks.check_options(options, allowed, where)
  for key in pairs(options) do
    if not allowed[key] then error(where .. ": unknown option '" .. tostring(key) .. "'", 3) end
  end
end

return checks
