-- SPDX-License-Identifier: MIT
-- is_pure(f) → whether two copies of the function, encoded at different times, behave alike: it has no upvalue but
-- _ENV. A pool encodes such a function once.
return function(f)
  local name = debug.getupvalue(f, 1)
  return name == nil or (name == "_ENV" and debug.getupvalue(f, 2) == nil)
end
