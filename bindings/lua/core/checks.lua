-- SPDX-License-Identifier: MIT
-- Checks of arguments, and packed argument lists.
--
-- An error names the script's line (vm/state/caller.h), the public function and the argument, in the form of
-- state/raise.h. No caller says how far away the script is.
local _, native = ...

local checks = {}

checks.unpack = table.unpack or unpack
function checks.pack(...) return { n = select("#", ...), ... } end

-- The whole number that a word of digits alone is; nil: it is none, or not each Lua has that number.
function checks.digits(word)
  local number = word:find("^%d+$") and tonumber(word)
  return number and number <= 2 ^ 53 and math.floor(number) or nil
end

-- Raises the text, which names the public function, with the place of the script's call before it.
function checks.fail(text) error(native.place() .. text, 0) end

-- Raises unless is_right; the message names the public function and the argument.
function checks.expect(is_right, where, what)
  if not is_right then checks.fail(where .. ": " .. what) end
end

-- The text of an error that a protected call caught, to stand in another message: without the place of the script's
-- call, which that message has.
function checks.bare(err)
  local text, place = tostring(err), native.place()
  return text:sub(1, #place) == place and text:sub(#place + 1) or text
end

-- Raises: the method `where` ("Pool:map") was called on something else, mostly with a dot for the colon.
function checks.refuse_self(self, where)
  local class, method = where:match("^(.-):(.*)")
  local article = (class:find("^[AEIO]") or class:find("^R%u")) and "an" or "a"
  checks.fail(("%s: %s %s expected, got %s (use %s:%s(…), with a colon)"):format(where, article, class, type(self),
    native.variable(class), method))
end

-- Raises unless `self`, of which the method `where` was called, is an object of the class with this metatable.
function checks.self(self, meta, where)
  if getmetatable(self) ~= meta then checks.refuse_self(self, where) end
end

-- The same for a handle in C.
function checks.handle(self, class, where)
  local meta = type(self) == "userdata" and getmetatable(self)
  if type(meta) ~= "table" or meta.__name ~= class then checks.refuse_self(self, where) end
end

-- A value in a message: a number, a string and a boolean as they are, and the type of another one. NaN has a sign on
-- some systems; a string that looks like a number is called one.
local is_shown = { number = true, string = true, boolean = true, ["nil"] = true }
function checks.show(value)
  if value ~= value then return "nan" end
  if type(value) == "string" and tonumber(value) then return value .. " (a string)" end
  return is_shown[type(value)] and tostring(value) or type(value)
end

-- Raises unless the option is true, false or absent.
function checks.switch(value, where, name)
  checks.expect(value == nil or type(value) == "boolean", where, name .. ": a boolean expected, got " .. type(value))
  return value
end

-- Whether it is a whole number from `least` to `most`, without which those that a double counts exactly.
function checks.is_whole(value, least, most)
  return type(value) == "number" and value >= least and value <= (most or 2 ^ 53) and value % 1 == 0
end

-- A timeout, as every wait takes it (core/arguments.h has the same for C): nil and infinity wait for ever, 0 and less
-- do not wait. → nil, or the seconds from 0 on; or false and what was expected.
function checks.read_timeout(timeout)
  if timeout == nil or timeout == math.huge then return nil end
  if type(timeout) == "number" and timeout == timeout then return timeout > 0 and timeout or 0 end
  return false, "timeout: a number of seconds expected, got " .. checks.show(timeout)
end

-- The same for an argument of the public function `where`; raises.
function checks.timeout(timeout, where)
  local seconds, why = checks.read_timeout(timeout)
  if why then checks.fail(where .. ": " .. why) end
  return seconds
end

-- The time that a call may take, an option of the public function `where`: nil and infinity, as long as it likes.
function checks.read_time_limit(seconds)
  if seconds == nil or seconds == math.huge then return nil end
  if type(seconds) == "number" and seconds > 0 then return seconds end
  return false, "timeout: a number of seconds above 0 expected, got " .. checks.show(seconds)
end

-- The time limit in the options of one call, which were checked; where they have none, the default.
function checks.time_limit(options, default)
  if not options or options.timeout == nil then return default end
  return checks.read_time_limit(options.timeout)
end

-- How many items a list has: its `n`, or else its `#`. Scripts and metamethods can say anything there
-- (core/arguments.h).
local function length(list, are_arguments, where, what)
  local count, why = native.list_length(list, are_arguments)
  return count or checks.fail(where .. ": " .. what .. ": " .. why)
end

function checks.length(list, where, what) return length(list, false, where, what) end

-- The same for a list of arguments, which also have to fit on the stack.
function checks.argument_count(list, where, what) return length(list, true, where, what) end

-- A packed copy of a list of arguments.
function checks.arguments(list, where, what)
  local count = length(list, true, where, what)
  return { n = count, checks.unpack(list, 1, count) }
end

-- The bytes of a string from an offset on, which counts from 0, as many as `size` says; by default all.
function checks.part(bytes, offset, size, where)
  checks.expect(type(bytes) == "string", where, "string expected, got " .. type(bytes))
  for name, value in pairs({ offset = offset, size = size }) do
    checks.expect(checks.is_whole(value, 0), where,
      name .. ": a whole number, 0 or more, expected, got " .. checks.show(value))
  end
  if (offset or 0) + (size or 0) > #bytes then
    checks.fail(("%s: %.0f bytes from offset %.0f on are not within its %d"):format(where, size or 0, offset or 0,
      #bytes))
  end
  if not offset and not size then return bytes end
  return bytes:sub((offset or 0) + 1, size and (offset or 0) + size or -1)
end

-- The limit of Connection:recv_bytes, and what it returns for a longer message, which stays.
function checks.limit(limit, where)
  checks.expect(limit == nil or checks.is_whole(limit, 0), where,
    "limit: a whole number, 0 or more, expected, got " .. checks.show(limit))
  return limit
end

function checks.too_large(size, limit)
  return ("too large: the next message has %.0f bytes, and the limit is %.0f"):format(size, limit)
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

-- The name in the set `names` that is nearest to the word, of equally near ones that of its length; nil: none is near.
-- Then whether only their beginnings are alike.
function checks.nearest(word, names)
  local best, least, is_beginning
  for name in pairs(type(word) == "string" and names or {}) do
    local distance, beginning = native.nearness(word, name)
    distance = distance and distance + math.abs(#name - #word) / 100
    if distance and (not least or distance < least or (distance == least and name < best)) then
      best, least, is_beginning = name, distance, beginning
    end
  end
  return best, is_beginning
end

-- The word in quotes, and the name that is meant; or else all names, of which it is none.
function checks.guess(word, names)
  local best = checks.nearest(word, names)
  if best then return ("'%s': did you mean '%s'?"):format(word, best) end
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return ("'%s' (there are: %s)"):format(tostring(word), table.concat(list, ", "))
end

-- For the message about a first argument that is a function: where it takes something else first.
function checks.swapped(first, where, what)
  if type(first) ~= "function" then return "" end
  return (" (the arguments are swapped: %s takes the %s first)"):format(where, what)
end

-- Raises for an option whose name is not in the set `allowed`.
function checks.check_options(options, allowed, where)
  for key in pairs(options) do
    if not allowed[key] then checks.fail(where .. ": unknown option " .. checks.guess(key, allowed)) end
  end
end

return checks
