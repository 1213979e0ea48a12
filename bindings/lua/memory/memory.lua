-- SPDX-License-Identifier: MIT
-- Value, Array, Table and frozen tables: constructors of handles. SharedMemory: a named block that other programs can
-- open.
--
-- A SharedMemory is sent as its name and size, and each VM opens the block at the first use. The names go with the
-- program, whichever worker made them, and those of a maker that is killed at once (memory/shared_memory.h); except
-- those created with `keep`.
local require, native = ...

local checks = require("core.checks")
local hex = require("core.hex")
local waits = require("core.waits")
local structures = require("memory.structures")

local expect = checks.expect
local rawlen = rawlen or function(list) return #list end -- Lua 5.1 has no __len of tables

local memory = {}

-- Value and Array -------------------------------------------------------------------------------------

local TYPES = "i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 char, or a letter of ctypes: b B h H i I l L q Q f d c"
-- By their names and letters: name and size in bytes.
local kinds = { all = TYPES }
for names in ("i8=b u8=B i16=h u16=H i32=i u32=I i64=lq u64=LQ f32=f f64=d char=c"):gmatch("%S+") do
  local name, letters = names:match("(.*)=(.*)")
  kinds[name] = { name = name, size = (tonumber(name:match("%d+")) or 8) / 8 }
  for letter in letters:gmatch(".") do kinds[letter] = kinds[name] end
end

local function check_type(kind, where)
  expect(type(kind) == "string" and type(kinds[kind]) == "table", where,
    "type: one of " .. TYPES .. " expected, got " .. checks.show(kind))
end

local function make(where, kind, count)
  local handle, why = native.typed_array_new(where, kind, count)
  return handle or checks.fail(where .. ": " .. why)
end

local function make_bytes(where)
  return function(count)
    local handle, why = native.typed_array_new("Array", "u8", count)
    return handle or checks.fail(where .. ": " .. why)
  end
end

function memory.Value(kind, initial)
  if type(kind) == "table" then return structures.new_value(kind, initial, make_bytes("Value"), kinds) end
  check_type(kind, "Value")
  local value = make("Value", kind, 1)
  if initial ~= nil then value.value = initial end
  return value
end

function memory.Array(kind, source)
  if type(kind) == "table" then return structures.new_array(kind, source, make_bytes("Array"), kinds) end
  check_type(kind, "Array")
  local is_text = type(source) == "string" and (kind == "char" or kind == "c")
  if is_text then return make("Array", kind, #source):copy(source) end
  if type(source) == "table" then return make("Array", kind, rawlen(source)):copy(source) end
  expect(checks.is_whole(source, 0), "Array",
    "a number of elements or a list expected, got " .. checks.show(source))
  return make("Array", kind, source)
end

-- Pointers of LuaJIT's ffi, where a VM has it: "double *" of f64. C functions of Lua's own interface take light
-- userdata.
local pointer_types = {} -- by their texts

-- A worker's globals come when they are first used, so `require` is asked for as a script does.
local function load_ffi()
  local ok, ffi = pcall(function()
    local load = _G.require
    return load("ffi")
  end)
  return ok and ffi or nil
end

function structures.c_type(kind)
  if kind == "f64" then return "double" end
  if kind == "f32" then return "float" end
  if kind == "char" then return "char" end
  return (kind:sub(1, 1) == "u" and "u" or "") .. "int" .. kind:sub(2) .. "_t"
end

local ffi -- false: there is none

-- c_type: of a pointer, "double *"
function structures.cast(address, c_type)
  if ffi == nil then ffi = rawget(_G, "jit") and load_ffi() or false end
  if not ffi then return address end
  pointer_types[c_type] = pointer_types[c_type] or ffi.typeof(c_type)
  return ffi.cast(pointer_types[c_type], address)
end

if rawget(_G, "jit") then
  native.set_pointer_caster(function(address, kind)
    return structures.cast(address, structures.c_type(kind) .. " *")
  end)
end

-- Table -----------------------------------------------------------------------------------------------

local table_methods = native.shared_table_methods()

local function assign(self, key, value) self[key] = value end

local function set(self, key, value, where)
  local ok, why = pcall(assign, self, key, value)
  if not ok then checks.fail(where .. ": " .. checks.bare(why):gsub("^Table: ", "")) end
end

local function change(self, key, callback, ...)
  local value = callback(self[key], ...)
  set(self, key, value, "Table:update")
  return value
end

-- update(key, f, …): sets t[key] to f(t[key], …) with the table's lock held, and returns the new value.
function table_methods.update(self, key, f, ...)
  checks.handle(self, "Table", "Table:update")
  expect(checks.is_callable(f), "Table:update", "function expected, got " .. type(f))
  local lock = self:lock()
  lock:acquire()
  local ok, value = pcall(change, self, key, f, ...)
  lock:release()
  if not ok then error(value, 0) end
  return value
end

-- wait_for(key, f, timeout): waits until f(t[key]) is true, and returns that value; nil, "timeout"
function table_methods.wait_for(self, key, f, timeout)
  checks.handle(self, "Table", "Table:wait_for")
  expect(checks.is_callable(f), "Table:wait_for", "function expected, got " .. type(f))
  timeout = checks.timeout(timeout, "Table:wait_for")
  local ends = timeout and native.time() + timeout
  if timeout == 0 then waits.give_turn() end
  while true do
    local seen, value = native.shared_table_look(self, key)
    if f(value) then return value end
    local left = ends and ends - native.time()
    if left and left <= 0 then return nil, "timeout" end
    native.shared_table_await(self, seen, left)
  end
end

-- for key, value in t:iter() do: over the keys that were there at the start and still are
function table_methods.iter(self)
  checks.handle(self, "Table", "Table:iter")
  local keys, i = self:keys(), 0
  return function()
    while true do
      i = i + 1
      local key = keys[i]
      if key == nil then return nil end
      local value = self[key]
      if value ~= nil then return key, value end
    end
  end
end

local TABLE_OPTIONS = { max_bytes = true }

-- Table(source, { max_bytes = }), or Table{ max_bytes = }: a new shared table with the pairs of `source`.
function memory.Table(source, options)
  expect(source == nil or type(source) == "table", "Table", "a table expected, got " .. type(source))
  if options == nil and source and source.max_bytes ~= nil and next(source, (next(source))) == nil then
    source, options = nil, source
  end
  expect(options == nil or type(options) == "table", "Table", "a table of options expected, got " .. type(options))
  checks.check_options(options or {}, TABLE_OPTIONS, "Table")
  local max_bytes = options and options.max_bytes
  expect(max_bytes == nil or checks.is_whole(max_bytes, 0), "Table",
    "max_bytes: a number of bytes, 0 (no bound) or more, expected, got " .. checks.show(max_bytes))
  local handle, why = native.shared_table_new(max_bytes)
  if not handle then checks.fail("Table: " .. why) end
  for key, value in pairs(source or {}) do set(handle, key, value, "Table") end
  return handle
end

-- Frozen tables ---------------------------------------------------------------------------------------

-- freeze(t): a copy that never changes, and that all VMs of the program read in place. One that is frozen is itself.
function memory.freeze(source)
  if native.is_frozen(source) then return source end
  expect(type(source) == "table", "freeze", "a table expected, got " .. checks.show(source))
  local frozen, why = native.freeze(source)
  return frozen or checks.fail("freeze: " .. why)
end

-- thaw(f): an ordinary table with what f has, and copies of the tables in it.
function memory.thaw(frozen)
  return native.thaw(frozen) or checks.fail("thaw: a frozen table expected, got " .. checks.show(frozen))
end

-- SharedMemory ----------------------------------------------------------------------------------------

local SharedMemory = {}
local shared_meta = { __index = SharedMemory, __name = "SharedMemory" }
local cores = setmetatable({}, { __mode = "k" }) -- SharedMemory → the handle that this VM has open
local made = {} -- names that are removed at the end of this VM, which is the main one

local function check(self, method)
  checks.self(self, shared_meta, "SharedMemory:" .. method)
  if self._is_closed then checks.fail("SharedMemory:" .. method .. ": used after close") end
  if cores[self] then return cores[self] end
  local core, why = native.shared_memory_open(self.name)
  if not core then checks.fail("SharedMemory:" .. method .. ": " .. self.name .. ": " .. why) end
  cores[self] = core
  return core
end

local function check_offset(offset, count, size, method)
  expect(checks.is_whole(offset, 0), "SharedMemory:" .. method,
    "offset: a whole number, 0 or more, expected, got " .. checks.show(offset))
  if offset + count > size then
    checks.fail(string.format("SharedMemory:%s: %d bytes from offset %d on are not within its %d", method, count,
      offset, size))
  end
end

-- read(offset, n) → n bytes from the offset on, which counts from 0; without n, all bytes after it
function SharedMemory.read(self, offset, count)
  local core = check(self, "read")
  offset = offset == nil and 0 or offset
  expect(count == nil or checks.is_whole(count, 0), "SharedMemory:read",
    "a number of bytes expected, got " .. checks.show(count))
  check_offset(offset, count or 0, self.size, "read")
  local bytes, why = core:read(offset, count or self.size - offset)
  return bytes or checks.fail("SharedMemory:read: " .. why)
end

function SharedMemory.write(self, offset, bytes)
  local core = check(self, "write")
  expect(type(bytes) == "string", "SharedMemory:write", "string expected, got " .. type(bytes))
  check_offset(offset, #bytes, self.size, "write")
  local ok, why = core:write(offset, bytes)
  if not ok then checks.fail("SharedMemory:write: " .. why) end
  return true
end

-- The address of the first byte, as light userdata; valid until close.
function SharedMemory.pointer(self)
  local core = check(self, "pointer")
  local pointer, why = core:pointer()
  return pointer or checks.fail("SharedMemory:pointer: " .. why)
end

-- Removes the name. Programs that have the block open keep it.
function SharedMemory.unlink(self)
  checks.self(self, shared_meta, "SharedMemory:unlink")
  made[self.name] = nil
  local ok, why = native.shared_memory_unlink(self.name)
  if not ok then return nil, why end
  return true
end

function SharedMemory.close(self)
  checks.self(self, shared_meta, "SharedMemory:close")
  if cores[self] then cores[self]:close() end
  cores[self], self._is_closed = nil, true
end

shared_meta.__close = SharedMemory.close
function shared_meta.__len(self) return self.size end
function shared_meta.__tostring(self) return string.format("SharedMemory: %s, %d bytes", self.name, self.size) end

local OPTIONS = { name = true, create = true, size = true, keep = true }

-- The script's own random numbers stay what they are.
local function new_name() return ("mm_%d_%s"):format(native.pid(), hex(native.random_bytes(4))) end

local function create(options)
  local size = options.size
  expect(type(size) == "number" and size >= 1 and size % 1 == 0 and size < 2 ^ 53, "SharedMemory",
    "size: a number of bytes, 1 or more, expected, got " .. checks.show(size))
  for _ = 1, 100 do
    local name = options.name or new_name()
    local core, why = native.shared_memory_create(name, size, options.keep)
    if core then return name, core end
    if options.name or not why:match("^EEXIST") then return nil, why end
  end
end

-- SharedMemory{ name =, create =, size = }: creates a block, or opens one. nil, "ENOENT: …" or "EEXIST: …"
function memory.SharedMemory(options)
  expect(type(options) == "table", "SharedMemory", "a table of options expected, got " .. type(options))
  checks.check_options(options, OPTIONS, "SharedMemory")
  checks.switch(options.create, "SharedMemory", "create")
  checks.switch(options.keep, "SharedMemory", "keep")
  local name = options.name
  expect(name == nil or (type(name) == "string" and name:match("^/?[^/%z]+$") and #name <= 250), "SharedMemory",
    "name: a name of a file, without slashes, expected, got " .. checks.show(name))
  expect(name or options.create, "SharedMemory", "name: the name of one that there is expected, or create")
  local core, why
  if options.create then
    name, core = create(options)
    if not name then return nil, core end
    if not options.keep and not native.settings() then made[name] = true end
  else
    core, why = native.shared_memory_open(name)
    if not core then return nil, why end
  end
  local self = setmetatable({ name = name, size = core:size() }, shared_meta)
  cores[self] = core
  return self
end

function memory.shutdown()
  if native.thread() then return end
  for name in pairs(made) do native.shared_memory_unlink(name) end
  if next(made) then made = {} end
  native.shared_memory_end()
end

function memory.after_fork()
  made = {}
  native.shared_memory_after_fork()
end

memory.SharedMemoryClass = shared_meta
memory.StructClass, memory.StructArrayClass = structures.metas.Struct, structures.metas.StructArray

return memory
