-- SPDX-License-Identifier: MIT
-- The option resume: a file in which each result of a list is written as it comes. A later run of the same function on
-- the same list takes from the file what is there, and runs the rest.
--
-- The file is lines of text, which other programs may read; fields are separated by tabs, and the last one is a dot:
--
--   manymoons  1  FUNCTION  LIST  ITEMS  .      the first line; both hashes are 32 hexadecimal digits (identity.lua)
--   PLACE  json  VALUE  .                       a result as JSON, where JSON gives it back exactly
--   PLACE  dump  BYTES  .                       else the bytes of mm.dumps, in hexadecimal digits
--
-- A line is written whole, after its result has come and before anything else is done with it. A program that is killed
-- in the middle leaves a line without its dot, which counts for nothing; the next run begins a new line behind it. So
-- an item either stands there once, or runs again. Items that failed run again.
local require, native = ...

local checks = require("core.checks")
local errors = require("core.errors")
local hex = require("core.hex")
local json = require("core.json")
local identity = require("pool.lists.identity")

local HEAD, WHOLE = "manymoons\t1\t", "\t%.$"

-- Values ----------------------------------------------------------------------------------------------

-- Whether JSON can hold the text as it is.
local function is_utf8(text)
  if not text:find("[\128-\255]") then return true end
  local rest = text:gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "\n")
  rest = rest:gsub("[\224-\239][\128-\191][\128-\191]", "\n"):gsub("[\194-\223][\128-\191]", "\n")
  return not rest:find("[\128-\255]")
end

local function number_text(number)
  if number ~= number or number == math.huge or number == -math.huge then return nil end
  if math.type and math.type(number) == "integer" then return string.format("%d", number) end
  local text = string.format("%.17g", number):gsub(",", ".")
  return math.type and not text:find("[.e]") and text .. ".0" or text
end

local write

local function write_list(list, count, out)
  for i = 1, count do
    out[#out + 1] = i == 1 and "[" or ","
    if not write(list[i], out) then return false end
  end
  out[#out + 1] = "]"
  return true
end

local function write_object(object, out)
  local is_first = true
  for key, value in pairs(object) do
    if type(key) ~= "string" or not is_utf8(key) then return false end
    out[#out + 1] = (is_first and "{" or ",") .. json.encode(key) .. ":"
    if not write(value, out) then return false end
    is_first = false
  end
  out[#out + 1] = "}"
  return true
end

-- Neither an empty table nor one that is met twice is the same when it is read again.
local function write_table(value, out)
  if getmetatable(value) ~= nil or next(value) == nil or out.met[value] then return false end
  out.met[value] = true
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  if value[1] == nil then return write_object(value, out) end
  for i = 1, count do
    if value[i] == nil then return false end
  end
  return write_list(value, count, out)
end

-- Adds the value's text to `out`; false: JSON would not give the value back.
function write(value, out)
  local kind, text = type(value), nil
  if kind == "table" then return write_table(value, out) end
  if kind == "number" then text = number_text(value) end
  if kind == "boolean" then text = tostring(value) end
  if kind == "string" and is_utf8(value) then text = json.encode(value) end
  out[#out + 1] = text
  return text ~= nil
end

-- The two fields of a value; raises if it cannot be read again.
local function text_of(value)
  if value == nil then return "json\tnull" end
  local out = { met = {} }
  if write(value, out) then return "json\t" .. table.concat(out) end
  local bytes = native.dumps(value)
  native.loads(bytes)
  return "dump\t" .. hex(bytes)
end

-- The lists of json.decode are marked as such.
local function without_marks(value)
  if type(value) ~= "table" then return value end
  setmetatable(value, nil)
  for _, each in pairs(value) do without_marks(each) end
  return value
end

local function value_of(kind, text)
  if kind == "json" then return without_marks(json.decode(text)) end
  return native.loads((text:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)))
end

-- The file --------------------------------------------------------------------------------------------

---@class PoolJournal
---@field path string
---@field known table<integer, true> the places that the file has
---@field count integer how many they are
---@field results table their results
local Journal = {}
Journal.__index = Journal

local function fail(self, why)
  checks.fail(("%s: resume: %s: %s"):format(self.where, native.printable(self.path), why))
end

local function read_entry(self, line)
  local place, kind, text = line:match("^(%d+)\t(%a+)\t(.*)\t%.$")
  place = tonumber(place)
  if not place or place < 1 or place > self.total then return fail(self, "a line that is no result") end
  local ok, value = pcall(value_of, kind, text)
  if not ok then fail(self, "the result of item " .. place .. " cannot be read: " .. tostring(value)) end
  if not self.known[place] then self.count = self.count + 1 end
  self.known[place], self.results[place] = true, value
end

local function read_head(self, line)
  local f, list, total = line:match("^manymoons\t1\t(%x+)\t(%x+)\t(%d+)\t%.$")
  if not f then fail(self, "no file of results") end
  if f ~= self.f then fail(self, "it has the results of another function") end
  if list ~= self.list or tonumber(total) ~= self.total then fail(self, "it has the results of another list") end
end

-- Whether there is a head, and whether the last line is whole.
local function read_lines(self, file)
  local has_head, last = false, ""
  for line in file:lines() do
    last = line
    if line:find(WHOLE) then
      if has_head then read_entry(self, line) else read_head(self, line) end
      has_head = true
    elseif not has_head and line ~= HEAD:sub(1, #line) and line:sub(1, #HEAD) ~= HEAD then
      fail(self, "no file of results")
    end
  end
  return has_head, last == "" or last:find(WHOLE) ~= nil
end

-- A file that ends in the middle of a line gets the line's end.
local function begin(self)
  local file, why = io.open(self.path, "a+b")
  if not file then return fail(self, tostring(why):gsub("^.*: ", "")) end
  self.file = file
  local has_head, is_whole = read_lines(self, file)
  local size = file:seek("end")
  local ends = size == 0 or (file:seek("set", size - 1) and file:read(1) == "\n")
  if not ends or not is_whole then self:write("\n") end
  if not has_head then self:write(("%s%s\t%s\t%d\t.\n"):format(HEAD, self.f, self.list, self.total)) end
end

-- → true; or nil and why
function Journal:write(text)
  local ok, why = self.file:write(text)
  if ok then ok, why = self.file:flush() end
  if ok then return true end
  return nil, errors.of_kind("error", "resume: " .. self.path .. ": " .. tostring(why))
end

-- Writes the results of some items, from `first` on, of which is_new(i) says whether item first + i - 1 has one.
-- → nil; or errors by i
function Journal:add(first, count, results, is_new)
  local lines, failures = {}, nil
  for i = 1, count do
    local ok, text = true, nil
    if is_new(i) then ok, text = pcall(text_of, results[i]) end
    if not ok then
      failures = failures or {}
      failures[i] = errors.of_kind("unsendable", "resume: the result cannot be written: " .. tostring(text))
    elseif text then
      lines[#lines + 1] = ("%d\t%s\t.\n"):format(first + i - 1, text)
    end
  end
  local written, why = self:write(table.concat(lines))
  if written then return failures end
  failures = failures or {}
  for i = 1, count do failures[i] = failures[i] or is_new(i) and why or nil end
  return failures
end

function Journal:close()
  if self.file then self.file:close() end
  if self.lock then self.lock:close() end
  self.file, self.lock = nil, nil
end

local function take_lock(self)
  local lock, why = native.file_lock_open(self.path)
  if not lock then return fail(self, tostring(why)) end
  self.lock = lock
  if not lock:try() then fail(self, "another program, or another call, writes it") end
end

-- The journal at `path` of f on list[1 … total]; raises if it is another one's, or cannot be written.
return function(where, path, f, list, total)
  local self = setmetatable({
    where = where, path = path, f = identity(f), list = identity(list, total), total = total,
    known = {}, count = 0, results = {},
  }, Journal)
  take_lock(self)
  local ok, why = pcall(begin, self)
  if ok then return self end
  self:close()
  error(why, 0)
end
