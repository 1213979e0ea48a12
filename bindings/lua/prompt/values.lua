-- SPDX-License-Identifier: MIT
-- Values as the prompt shows them: strings quoted, tables with their contents, handles by their descriptions.
--
-- A table is shown to two levels, one deeper stands as {...}, and one inside itself as <cycle>. Its list comes first,
-- then the other keys in order: numbers, strings, the rest. Tables are read raw: of the script's code only __tostring
-- is called, and what it raises is shown in its place.
local require, native = ...

local checks = require("core.checks")

local metatable_of = debug.getmetatable

local LEVELS = 2
local ENTRIES = { 100, 20 } -- so many of a table of each level are shown
local TEXT_MOST = 200 -- bytes of a text within a table
local INDENT = "  "

local KEYWORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat return then true "
  .. "until while"):gmatch("%a+") do
  KEYWORDS[word] = true
end

local values = { keywords = KEYWORDS }

-- Strings ---------------------------------------------------------------------------------------------

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

-- As Lua would read it. What a terminal would obey, and bytes that are no text, stand as escapes.
local function quote(text) return '"' .. native.printable((text:gsub('[\n\r\t\\"]', ESCAPES))) .. '"' end

local function quote_nested(text)
  if #text <= TEXT_MOST then return quote(text) end
  local cut = TEXT_MOST
  while cut > TEXT_MOST - 4 and text:find("^[\x80-\xBF]", cut + 1) do cut = cut - 1 end
  return ("%s... %d more bytes"):format(quote(text:sub(1, cut)), #text - cut)
end

-- Keys ------------------------------------------------------------------------------------------------

local RANK = { number = 1, string = 2, boolean = 3 }

local function is_before(a, b)
  local kind_a, kind_b = type(a), type(b)
  local rank_a, rank_b = RANK[kind_a] or 4, RANK[kind_b] or 4
  if rank_a ~= rank_b then return rank_a < rank_b end
  if rank_a <= 2 then return a < b end
  if rank_a == 3 then return a and not b end
  if kind_a ~= kind_b then return kind_a < kind_b end
  return ("%p"):format(a) < ("%p"):format(b)
end

-- Puts a key in its place among the `most` first ones.
local function keep(keys, key, most)
  if #keys == most and not is_before(key, keys[most]) then return end
  local low, high = 1, #keys + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_before(key, keys[middle]) then high = middle else low = middle + 1 end
  end
  table.insert(keys, low, key)
  keys[most + 1] = nil
end

-- The length of its list; the first keys that are not of the list, in order; how many there are.
local function keys_of(t, most)
  local length, keys, count = 0, {}, 0
  while rawget(t, length + 1) ~= nil do length = length + 1 end
  for key in next, t do
    local is_of_list = type(key) == "number" and key % 1 == 0 and key >= 1 and key <= length
    if not is_of_list then
      count = count + 1
      keep(keys, key, most)
    end
  end
  return length, keys, count
end

-- Values ----------------------------------------------------------------------------------------------

local show -- defined below

local function metafield(value, name)
  local meta = metatable_of(value)
  return type(meta) == "table" and rawget(meta, name) or nil
end

-- What the value's own __tostring gives, or why it gives nothing.
local function describe(value)
  local ok, text = pcall(tostring, value)
  if ok then return text .. "" end -- it may be a number
  local name = metafield(value, "__name")
  local why = checks.bare(type(text) == "string" and text or type(text))
  return ("<%s: error in __tostring: %s>"):format(type(name) == "string" and name or type(value), why)
end

local QUEUES = { Queue = true, SimpleQueue = true, JoinableQueue = true, PriorityQueue = true }

-- A queue's own description is its address: how much is in it says more.
local function describe_handle(value)
  local text = describe(value)
  if type(value) ~= "userdata" or not QUEUES[metafield(value, "__name")] then return text end
  local is_open, count = pcall(function() return value:qsize() end)
  if not is_open then return text .. " (closed)" end
  return ("%s (%d item%s)"):format(text, count, count == 1 and "" or "s")
end

local function show_function(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return tostring(f) end
  return ("function <%s:%d>"):format(info.short_src, info.linedefined)
end

local function show_key(key, path)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not KEYWORDS[key] then return key end
  if type(key) == "table" and not metafield(key, "__tostring") then return ("[table: %p]"):format(key) end
  return "[" .. show(key, path) .. "]"
end

local function entries_of(t, path)
  local most = ENTRIES[#path]
  local length, keys, count = keys_of(t, most)
  local entries, shown = {}, math.min(length, most)
  for i = 1, shown do entries[i] = show(rawget(t, i), path) end
  entries.list = shown
  for i = 1, math.min(#keys, most - shown) do
    entries[#entries + 1] = show_key(keys[i], path) .. " = " .. show(rawget(t, keys[i]), path)
  end
  local left = length + count - #entries
  if left > 0 then entries[#entries + 1] = ("... %d more"):format(left) end
  return entries
end

-- Entries of the list stand beside each other, as far as they go, and each other one on a line of its own.
local function lay_out(entries, width)
  local lines = {}
  for i, entry in ipairs(entries) do
    local text = (entry:gsub("\n", "\n" .. INDENT)) .. (i < #entries and "," or "")
    local line = lines[#lines]
    local fits = line and i <= entries.list and not line:find("\n") and not text:find("\n")
      and #line + 1 + #text <= width - #INDENT
    if fits then lines[#lines] = line .. " " .. text else lines[#lines + 1] = text end
  end
  return "{\n" .. INDENT .. table.concat(lines, "\n" .. INDENT) .. "\n}"
end

local function show_table(t, path)
  local name = metafield(t, "__name")
  local prefix = type(name) == "string" and name .. " " or ""
  for _, outer in ipairs(path) do
    if outer == t then return prefix .. "<cycle>" end
  end
  if next(t) == nil then return prefix .. "{}" end
  if #path >= LEVELS then return prefix .. "{...}" end
  path[#path + 1] = t
  local entries = entries_of(t, path)
  path[#path] = nil
  local width = path.width - #path * #INDENT
  local line = "{" .. table.concat(entries, ", ") .. "}"
  if #prefix + #line <= width and not line:find("\n") then return prefix .. line end
  return prefix .. lay_out(entries, width)
end

-- A text of several lines, such as an error with its traceback, is whole where it stands alone.
local function show_described(value, path)
  local text = describe_handle(value)
  if #path == 0 then return text end
  local first = text:match("^[^\n]*")
  local cut = #first > TEXT_MOST and first:sub(1, TEXT_MOST) or first
  return native.printable(cut) .. (cut ~= text and "..." or "")
end

-- path: the tables around the value, from the outermost; its field `width` is that of the terminal
function show(value, path)
  local kind = type(value)
  if kind == "string" then return (#path == 0 and quote or quote_nested)(value) end
  if kind == "number" or kind == "boolean" or kind == "nil" then return tostring(value) end
  if metafield(value, "__tostring") then return show_described(value, path) end
  if kind == "table" then return show_table(value, path) end
  if kind == "function" then return show_function(value) end
  if kind == "thread" then return ("%s (%s)"):format(tostring(value), coroutine.status(value)) end
  return native.printable(tostring(value))
end

-- The value in at most `width` columns, as far as it goes.
function values.show(value, width) return show(value, { width = width }) end

-- The values of a list (n: how many, if there are nil), as arguments of a call are written: the first ones, each in at
-- most `width` columns.
local SHOWN_OF_LIST = 100

function values.show_list(list, width)
  local texts = {}
  for i = 1, math.min(list.n or #list, SHOWN_OF_LIST) do texts[i] = values.show(list[i], width) end
  return table.concat(texts, ", ")
end

return values
