-- SPDX-License-Identifier: MIT
-- Structures in shared memory: Array({ x = "f64", id = "i32" }, n), and a Value of one.
--
-- A structure array is an Array of bytes and a layout, which is that of a C struct: each field lies at a multiple of
-- its size, and the size of the whole is a multiple of that of its largest field. So a field of an element is an
-- element of an Array of the field's type over the same memory, and is read and written in one step as those are. These
-- arrays are made in each VM when they are first needed (`typed`); bytes and layout travel.
local require, native = ...

local checks = require("core.checks")

local expect = checks.expect

local structures = {}

-- Layouts -------------------------------------------------------------------------------------------------

-- kinds: by each name of a type, { name, size }
local function read_field(name, kind, kinds, where)
  expect(type(name) == "string" and name:find("^[%a_][%w_]*$"), where,
    "type: the name of a field expected, got " .. checks.show(name))
  expect(type(kind) == "string" and type(kinds[kind]) == "table", where,
    ("type: field '%s': one of %s expected, got %s"):format(name, kinds.all, checks.show(kind)))
  return { name = name, kind = kinds[kind].name, size = kinds[kind].size }
end

-- { x = "f64", id = "i32" }: large fields first, and by name; { { "id", "i32" }, { "x", "f64" } }: in this order.
local function read_fields(source, kinds, where)
  local fields = {}
  if type(source[1]) == "table" then
    for i, pair in ipairs(source) do fields[i] = read_field(pair[1], pair[2], kinds, where) end
    return fields
  end
  for name, kind in pairs(source) do fields[#fields + 1] = read_field(name, kind, kinds, where) end
  table.sort(fields, function(a, b)
    if a.size ~= b.size then return a.size > b.size end
    return a.name < b.name
  end)
  return fields
end

local function aligned(offset, size) return math.ceil(offset / size) * size end

local function layout_of(source, kinds, where)
  local layout, offset, widest = { fields = {}, names = {} }, 0, 1
  for i, field in ipairs(read_fields(source, kinds, where)) do
    expect(not layout.fields[field.name], where, "type: two fields are called '" .. field.name .. "'")
    field.offset = aligned(offset, field.size)
    offset, widest = field.offset + field.size, math.max(widest, field.size)
    layout.fields[field.name], layout.names[i] = field, field.name
  end
  expect(#layout.names > 0, where, "type: a structure with at least one field expected")
  layout.size = aligned(offset, widest)
  return layout
end

-- Elements ------------------------------------------------------------------------------------------------

local typed_of = setmetatable({}, { __mode = "k" }) -- arrays by the type of their elements, by the array of bytes

local function typed(bytes, kind)
  local arrays = typed_of[bytes] or {}
  typed_of[bytes] = arrays
  arrays[kind] = arrays[kind] or native.typed_array_cast(bytes, kind)
  return arrays[kind]
end

-- The Array and the index of a field of the element at `offset` bytes.
local function locate(bytes, layout, offset, name, where)
  local field = layout.fields[name]
  if not field then checks.fail(where .. ": no field " .. checks.guess(name, layout.fields)) end
  return typed(bytes, field.kind), (offset + field.offset) / field.size + 1
end

local function set_fields(bytes, layout, offset, values, where)
  expect(type(values) == "table", where, "a table of fields expected, got " .. checks.show(values))
  for name, value in pairs(values) do
    local array, at = locate(bytes, layout, offset, name, where)
    array[at] = value
  end
end

-- An element, which has the fields of the structure, and the methods below where no field has their name.
local Struct, struct_meta = {}, { __name = "Struct" }

function struct_meta.__index(self, name)
  local layout = rawget(self, "_layout")
  if layout.fields[name] then
    local array, at = locate(rawget(self, "_bytes"), layout, rawget(self, "_offset"), name, "Struct")
    return array[at]
  end
  return Struct[name]
end

function struct_meta.__newindex(self, name, value)
  local array, at = locate(rawget(self, "_bytes"), rawget(self, "_layout"), rawget(self, "_offset"), name, "Struct")
  array[at] = value
end

function struct_meta.__tostring(self)
  local texts = {}
  for i, name in ipairs(rawget(self, "_layout").names) do texts[i] = name .. " = " .. tostring(self[name]) end
  return "Struct: " .. table.concat(texts, ", ")
end

local function new_struct(bytes, layout, offset)
  return setmetatable({ _bytes = bytes, _layout = layout, _offset = offset }, struct_meta)
end

function Struct.lock(self) return rawget(self, "_bytes"):lock() end
function Struct.close(self) structures.close_bytes(rawget(self, "_bytes")) end
struct_meta.__close = Struct.close

function structures.close_bytes(bytes)
  for _, array in pairs(typed_of[bytes] or {}) do array:close() end
  typed_of[bytes] = nil
  bytes:close()
end

-- Arrays --------------------------------------------------------------------------------------------------

local StructArray, array_meta = {}, { __name = "StructArray" }

local function check(self, where)
  checks.self(self, array_meta, where)
  return rawget(self, "_bytes"), rawget(self, "_layout")
end

local function check_index(self, index)
  local count = rawget(self, "_count")
  if not checks.is_whole(index, 1, count) then
    checks.fail(("StructArray: index %s is not within 1 to %d"):format(checks.show(index), count))
  end
  return (index - 1) * rawget(self, "_layout").size
end

function array_meta.__index(self, key)
  if type(key) ~= "number" then return StructArray[key] end
  return new_struct(rawget(self, "_bytes"), rawget(self, "_layout"), check_index(self, key))
end

function array_meta.__newindex(self, key, value)
  set_fields(rawget(self, "_bytes"), rawget(self, "_layout"), check_index(self, key), value, "StructArray")
end

function array_meta.__len(self) return rawget(self, "_count") end
function array_meta.__eq(a, b) return rawget(a, "_bytes") == rawget(b, "_bytes") end

local function new_array(bytes, layout, count)
  return setmetatable({ _bytes = bytes, _layout = layout, _count = count }, array_meta)
end

-- add(i, field, n) and the like: in one step, as those of an Array
for _, method in ipairs({ "add", "cas", "exchange", "max", "min" }) do
  local where = "StructArray:" .. method
  StructArray[method] = function(self, index, name, ...)
    local bytes, layout = check(self, where)
    local array, at = locate(bytes, layout, check_index(self, index), name, where)
    return array[method](array, at, ...)
  end
end

function StructArray.len(self)
  check(self, "StructArray:len")
  return rawget(self, "_count")
end

-- An iterator over the indices and the elements.
function StructArray.iter(self)
  check(self, "StructArray:iter")
  local i = 0
  return function()
    i = i + 1
    if i <= rawget(self, "_count") then return i, self[i] end
  end
end

local function check_range(self, first, last, where)
  local count = rawget(self, "_count")
  first, last = first == nil and 1 or first, last == nil and count or last
  local is_right = checks.is_whole(first, 1, count + 1) and checks.is_whole(last, first - 1, count)
  expect(is_right, where, ("%s to %s is not within 1 to %d"):format(checks.show(first), checks.show(last), count))
  return first, last
end

-- The elements from first to last, which are the same memory.
function StructArray.view(self, first, last)
  local bytes, layout = check(self, "StructArray:view")
  first, last = check_range(self, first, last, "StructArray:view")
  return new_array(bytes:view((first - 1) * layout.size + 1, last * layout.size), layout, last - first + 1)
end

function StructArray.bytes(self, first, last)
  local bytes, layout = check(self, "StructArray:bytes")
  first, last = check_range(self, first, last, "StructArray:bytes")
  return bytes:bytes((first - 1) * layout.size + 1, last * layout.size)
end

function StructArray.lock(self) return check(self, "StructArray:lock"):lock() end
function StructArray.address(self) return check(self, "StructArray:address"):address() end

-- The structure in C.
function StructArray.type(self)
  local _, layout = check(self, "StructArray:type")
  local fields = {}
  for i, name in ipairs(layout.names) do
    fields[i] = structures.c_type(layout.fields[name].kind) .. " " .. name .. "; "
  end
  return "struct { " .. table.concat(fields) .. "}"
end

function StructArray.pointer(self)
  local bytes = check(self, "StructArray:pointer")
  return structures.cast(bytes:address(), StructArray.type(self) .. " *")
end

function StructArray.close(self) structures.close_bytes((check(self, "StructArray:close"))) end
array_meta.__close = StructArray.close

function array_meta.__tostring(self)
  return ("StructArray: %d of %s"):format(rawget(self, "_count"), StructArray.type(self))
end

structures.metas = { Struct = struct_meta, StructArray = array_meta }

-- make(count of bytes) → an Array of bytes. source: how many elements, or a list of tables of their fields
function structures.new_array(layout, source, make, kinds)
  layout = layout_of(layout, kinds, "Array")
  local list = type(source) == "table" and source or nil
  local count = list and checks.length(list, "Array", "argument 2") or source
  expect(checks.is_whole(count, 0), "Array", "a number of elements or a list expected, got " .. checks.show(source))
  local self = new_array(make(count * layout.size), layout, count)
  for i = 1, list and count or 0 do
    set_fields(rawget(self, "_bytes"), layout, (i - 1) * layout.size, list[i], "Array")
  end
  return self
end

function structures.new_value(layout, initial, make, kinds)
  layout = layout_of(layout, kinds, "Value")
  local bytes = make(layout.size)
  if initial ~= nil then set_fields(bytes, layout, 0, initial, "Value") end
  return new_struct(bytes, layout, 0)
end

return structures
