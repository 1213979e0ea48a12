-- SPDX-License-Identifier: MIT
-- JSON: text to Lua values and back.
--
-- Lists have a metatable of their own, so that an empty list stays a list: json.list{} and decode set it. A table
-- without it is a list if it has an element 1. decode reads null as nil, which ends a list. encode writes whole numbers
-- without a fraction, infinities and NaN as null, and the keys of an object in order, so that equal values give equal
-- texts.
local json = {}

local List = {}

function json.list(list) return setmetatable(list or {}, List) end

local function is_list(value) return getmetatable(value) == List or value[1] ~= nil end

-- Writing -------------------------------------------------------------------------------------------------------------

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function escape(char) return ESCAPES[char] or string.format("\\u%04x", char:byte()) end

local function write_string(text) return '"' .. text:gsub('[%c"\\\127]', escape) .. '"' end

local function write_number(number)
  if number ~= number or number == math.huge or number == -math.huge then return "null" end
  if number % 1 == 0 and number > -2 ^ 53 and number < 2 ^ 53 then return string.format("%.0f", number) end
  return (string.format("%.14g", number):gsub(",", "."))
end

local write

local function write_list(list, out)
  out[#out + 1] = "["
  for i = 1, #list do
    if i > 1 then out[#out + 1] = "," end
    write(list[i], out)
  end
  out[#out + 1] = "]"
end

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

local function write_object(object, out)
  out[#out + 1] = "{"
  for i, key in ipairs(sorted_keys(object)) do
    if i > 1 then out[#out + 1] = "," end
    out[#out + 1] = write_string(tostring(key))
    out[#out + 1] = ":"
    write(object[key], out)
  end
  out[#out + 1] = "}"
end

function write(value, out)
  local kind = type(value)
  if kind == "table" and is_list(value) then
    write_list(value, out)
  elseif kind == "table" then
    write_object(value, out)
  elseif kind == "string" then
    out[#out + 1] = write_string(value)
  elseif kind == "number" then
    out[#out + 1] = write_number(value)
  else
    out[#out + 1] = tostring(value == nil and "null" or value)
  end
end

function json.encode(value)
  local out = {}
  write(value, out)
  return table.concat(out)
end

-- Reading -------------------------------------------------------------------------------------------------------------
-- A reader takes the text and the place of the value's first character; it returns the value and the place after it.

local function fail(text, at, what)
  error(string.format("JSON: %s expected at byte %d of %d", what, at, #text), 0)
end

local function skip_space(text, at) return text:find("[^ \t\r\n]", at) or #text + 1 end

local function utf8_of(code)
  if code < 0x80 then return string.char(code) end
  local function tail(shift) return 0x80 + math.floor(code / 2 ^ shift) % 64 end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), tail(0)) end
  if code < 0x10000 then return string.char(0xE0 + math.floor(code / 4096), tail(6), tail(0)) end
  return string.char(0xF0 + math.floor(code / 2 ^ 18), tail(12), tail(6), tail(0))
end

local UNESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- The character of the escape whose backslash is at `at`, and the place after it. Two surrogates are one character.
local function read_escape(text, at)
  local code = tonumber(text:match("^\\u(%x%x%x%x)", at) or "", 16)
  if not code then
    local char = text:sub(at + 1, at + 1)
    return UNESCAPES[char] or char, at + 2
  end
  local low = code >= 0xD800 and code < 0xDC00 and tonumber(text:match("^\\u([dD][c-fC-F]%x%x)", at + 6) or "", 16)
  if low then return utf8_of(0x10000 + (code - 0xD800) * 1024 + (low - 0xDC00)), at + 12 end
  return utf8_of(code), at + 6
end

local function unescape(text)
  local parts, at = {}, 1
  while true do
    local escape_at = text:find("\\", at, true)
    if not escape_at then
      parts[#parts + 1] = text:sub(at)
      return table.concat(parts)
    end
    parts[#parts + 1] = text:sub(at, escape_at - 1)
    parts[#parts + 1], at = read_escape(text, escape_at)
  end
end

local function read_string(text, at)
  local from, has_escapes = at + 1, false
  local stop = text:find('["\\]', from)
  while stop and text:byte(stop) == 92 do
    has_escapes = true
    stop = text:find('["\\]', stop + 2)
  end
  if not stop then fail(text, #text, "'\"'") end
  local raw = text:sub(from, stop - 1)
  return has_escapes and unescape(raw) or raw, stop + 1
end

local function read_number(text, at)
  local _, stop = text:find("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local number = stop and tonumber(text:sub(at, stop))
  if not number then fail(text, at, "a value") end
  return number, stop + 1
end

local function reader_of(word, value)
  return function(text, at)
    if text:sub(at, at + #word - 1) ~= word then fail(text, at, "a value") end
    return value, at + #word
  end
end

local readers

local function read(text, at)
  at = skip_space(text, at)
  return (readers[text:byte(at)] or read_number)(text, at)
end

local function read_list(text, at)
  local list, count = json.list(), 0
  at = skip_space(text, at + 1)
  if text:byte(at) == 93 then return list, at + 1 end
  while true do
    local value
    value, at = read(text, at)
    count = count + 1
    list[count] = value
    at = skip_space(text, at)
    local char = text:byte(at)
    if char == 93 then return list, at + 1 end
    if char ~= 44 then fail(text, at, "',' or ']'") end
    at = at + 1
  end
end

local function read_object(text, at)
  local object = {}
  at = skip_space(text, at + 1)
  if text:byte(at) == 125 then return object, at + 1 end
  while true do
    if text:byte(at) ~= 34 then fail(text, at, "a name") end
    local name
    name, at = read_string(text, at)
    at = skip_space(text, at)
    if text:byte(at) ~= 58 then fail(text, at, "':'") end
    object[name], at = read(text, at + 1)
    at = skip_space(text, at)
    local char = text:byte(at)
    if char == 125 then return object, at + 1 end
    if char ~= 44 then fail(text, at, "',' or '}'") end
    at = skip_space(text, at + 1)
  end
end

readers = {
  [34] = read_string, -- "
  [91] = read_list, -- [
  [123] = read_object, -- {
  [102] = reader_of("false", false),
  [110] = reader_of("null", nil),
  [116] = reader_of("true", true),
}

-- decode(text) → the value; or nil and a message.
function json.decode(text)
  local ok, value, at = pcall(read, text, 1)
  if not ok then return nil, value end
  if skip_space(text, at) <= #text then return nil, "JSON: the end expected at byte " .. at end
  return value
end

return json
