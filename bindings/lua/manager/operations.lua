-- SPDX-License-Identifier: MIT
-- What a client can ask of a manager's server: the objects by number, and the operations on them.
--
--     request    { n =, op, id, … }
--     result     nil, a boolean, a number, a string; { value = copy }; { id =, kind = }: an object that stays here;
--                { method = kind }: a method of its kind; { callable = true }: a function that stays here
--
-- Requests come from peers, who hold the key: they may bring functions, which run here. With trust = "data" they are
-- decoded as those of strangers: they bring data alone, and { [ID] = number } for each proxy (manager/proxies.lua).
-- The program that started the server then signs what it registers, with a secret that no client has.
local require, native = ...

local checks = require("core.checks")
local objects = require("manager.objects")
local proxies = require("manager.proxies")
local refusals = require("manager.refusals")
local requests = require("manager.requests")
local tables = require("manager.tables")

local unpack, pack = checks.unpack, checks.pack

local operations = {}

-- Objects ---------------------------------------------------------------------------------------------

local function kind_of(value)
  return objects.kind_of(value) or (type(value) == "table" and not getmetatable(value) and "table") or "object"
end

-- The reference to an object, which gets a number if it has none. Root objects, made by name, are kept for ever; others
-- as long as a client has a proxy.
local function number_of(self, value, kind, is_root)
  local id = self.ids[value]
  if not id then
    id = self.last_id + 1
    self.last_id, self.ids[value] = id, id
    self.objects[id] = { value = value, kind = kind or kind_of(value), holders = {} }
  end
  local entry = self.objects[id]
  entry.is_root = entry.is_root or is_root
  local client = requests.client()
  if client then entry.holders[client] = true end
  return { id = id, kind = entry.kind }
end

function operations.let_go(self, client, id)
  local entry = self.objects[id]
  if not entry then return end
  entry.holders[client] = nil
  if entry.is_root or next(entry.holders) then return end
  self.objects[id], self.ids[entry.value] = nil, nil
end

local function entry_of(self, id)
  return self.objects[id] or refusals.fail("Manager: the object is not there any more")
end

-- Replaces proxies of this server by their objects, also inside tables.
local function resolve(self, value, seen)
  if type(value) ~= "table" then return value end
  local id = proxies.id_of(value, self.token) or (self.trust == "data" and proxies.named_id(value))
  if id then return entry_of(self, id).value end
  if getmetatable(value) or seen[value] then return value end
  seen[value] = true
  for key, inner in pairs(value) do
    if type(inner) == "table" then value[key] = resolve(self, inner, seen) end
  end
  return value
end

local function export(self, value)
  local kind = type(value)
  if kind == "table" or kind == "userdata" then return number_of(self, value) end
  if kind == "function" then return { callable = true } end
  return value
end

-- The result of a call: a copy, or a reference if the value cannot be copied. A root object that is returned by a
-- function of the script, and not by a built-in method, is sent as a reference.
local function export_copy(self, value, is_method)
  local kind = type(value)
  if kind ~= "table" and kind ~= "userdata" and kind ~= "function" then return value end
  local entry = self.objects[self.ids[value] or false]
  local is_copied = entry and (tables.methods[entry.kind] and not (entry.is_root and not is_method))
  if entry and not is_copied then return number_of(self, value) end
  if pcall(native.dumps, value) then return { value = value } end
  return number_of(self, value)
end

local function copies(self, is_method, ...)
  local results = pack(...)
  for i = 1, results.n do results[i] = export_copy(self, results[i], is_method) end
  return unpack(results, 1, results.n)
end

-- Requests --------------------------------------------------------------------------------------------

local ops = {}

function ops.create(self, name, ...)
  local registered, factory = self.factories[name], objects.factories[name] or tables.factories[name]
  refusals.expect(registered or factory, "Manager", "nothing is registered as '" .. tostring(name) .. "'")
  local value, kind
  if registered then value = requests.call(registered, ...) else value, kind = factory(...) end
  refusals.expect(value ~= nil, "Manager:" .. name, "its factory returned nothing")
  local is_object = type(value) == "table" or type(value) == "userdata" or type(value) == "function"
  if not is_object then return value end
  return number_of(self, value, kind, true)
end

-- Raises unless the program that started the server sent the strings: what it alone may do with trust = "data".
local function must_be_signed(self, op, signature, ...)
  local is_signed = type(signature) == "string"
  for i = 1, select("#", ...) do is_signed = is_signed and type((select(i, ...))) == "string" end
  if not is_signed or not native.is_same(signature, native.sign(self.secret, "manymoons " .. op .. " 1", ...)) then
    refusals.fail("Manager:" .. op .. ": with trust = \"data\" the program that started the manager may, and no client")
  end
end

-- The factory; or with trust = "data" its bytes.
function ops.register(self, name, factory, signature)
  if self.trust == "data" then
    must_be_signed(self, "register", signature, name, factory)
    factory = native.loads_from("own program", factory)
  end
  self.factories[name] = factory
end

-- The method of an object that is this library's; nil: there is none.
local function method_of(entry, name)
  if objects.is_own(entry.value) then return objects.method_of(entry.value, name) end
  local methods = tables.methods[entry.kind]
  return methods and methods[name]
end

local function is_container(value)
  local meta = getmetatable(value)
  return type(value) == "table" or (type(meta) == "table" and meta.__index ~= nil)
end

-- The value of an object of the script, as a table. what: how it is used.
local function container(entry, what)
  refusals.expect(is_container(entry.value), "Manager", "a " .. type(entry.value) .. " " .. what)
  return entry.value
end

function ops.index(self, id, key)
  local entry = entry_of(self, id)
  local value
  if objects.is_own(entry.value) then
    value = objects.access(entry.value, "get", key)
  else
    value = container(entry, "has no fields")[key]
  end
  if value == nil and key ~= nil and method_of(entry, key) then return { method = entry.kind } end
  return export(self, value)
end

function ops.newindex(self, id, key, value)
  local entry = entry_of(self, id)
  if objects.is_own(entry.value) then return objects.access(entry.value, "set", key, value) end
  container(entry, "has no fields")[tables.check_key(key, entry.kind)] = value
end

function ops.call(self, id, name, ...)
  local entry = entry_of(self, id)
  local f = entry.value
  if objects.is_own(f) then
    refusals.fail(("%s:%s: to be called on the object, with ':'"):format(entry.kind, tostring(name)))
  end
  if name ~= nil then f = container(entry, "has no methods")[name] end
  refusals.expect(checks.is_callable(f), name == nil and entry.kind or tostring(name),
    "it cannot be called, it is a " .. type(f))
  return copies(self, false, requests.call(f, ...))
end

function ops.method(self, id, name, ...)
  local entry = entry_of(self, id)
  local method = method_of(entry, name)
  refusals.expect(method, entry.kind, "it has no method '" .. tostring(name) .. "'")
  return copies(self, true, method(entry.value, ...))
end

function ops.len(self, id)
  local entry = entry_of(self, id)
  if objects.is_own(entry.value) then return objects.access(entry.value, "len") end
  return #entry.value
end

-- the keys and values at this moment
function ops.pairs(self, id)
  local entry = entry_of(self, id)
  if objects.is_own(entry.value) then return { value = objects.access(entry.value, "pairs") } end
  local list = {}
  for key, value in pairs(container(entry, "has no pairs")) do
    list[#list + 1] = { type(key) == "table" and export(self, key) or key, export(self, value) }
  end
  return { value = list }
end

local SHOWN_DEEP, SHOWN_MOST = 3, 100000
local show

-- room.left: so many more values, and bytes of texts, are shown
local function show_contents(value, depth, room)
  local parts, count = {}, #value
  for i = 1, count do
    if room.left <= 0 then break end
    parts[i] = show(value[i], depth, room)
  end
  for key, inner in pairs(value) do
    if room.left <= 0 then break end
    local is_in_list = type(key) == "number" and key >= 1 and key <= count and key % 1 == 0
    local is_name = type(key) == "string" and key:match("^[%a_][%w_]*$")
    if not is_in_list then
      local name = is_name and key or "[" .. show(key, depth, room) .. "]"
      parts[#parts + 1] = name .. " = " .. show(inner, depth, room)
    end
  end
  if room.left <= 0 then parts[#parts + 1] = "…" end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function show(value, depth, room)
  room.left = room.left - 1
  if type(value) == "string" then
    room.left = room.left - #value
    return string.format("%q", room.left >= 0 and value or "…")
  end
  local kind = objects.kind_of(value)
  if kind then return kind .. ": " .. tostring(value):match("0x.*") end
  if type(value) ~= "table" or getmetatable(value) then return tostring(value) end
  return depth == SHOWN_DEEP and "{…}" or show_contents(value, depth + 1, room)
end

function ops.show(self, id) return show(entry_of(self, id).value, 0, { left = SHOWN_MOST }) end

function ops.drop(self, ...)
  for _, id in ipairs({ ... }) do operations.let_go(self, requests.client(), id) end
end

-- The client's VM has closed the proxy in which the client waits.
function ops.unwait() requests.end_waits() end

-- The client has closed its proxy.
function ops.leave(self, id)
  local entry = self.objects[id]
  if not entry then return end
  objects.abandon(entry.value, requests.client())
  operations.let_go(self, requests.client(), id)
end

function ops.count_objects(self)
  local count = 0
  for _ in pairs(self.objects) do count = count + 1 end
  return count
end

function ops.token(self) return self.token, self.trust end

function ops.shutdown(self, signature)
  if self.trust == "data" then must_be_signed(self, "shutdown", signature) end
  self.is_over = true
end

local function read_request(self, bytes)
  if self.trust ~= "data" then return native.loads_from("peer", bytes) end
  local ok, request = pcall(native.loads_from, "stranger", bytes)
  refusals.expect(ok, "Manager", "with trust = \"data\" clients send data alone: " .. tostring(request))
  return request
end

local ARGUMENTS_MOST = 200

-- Runs the request of `bytes`, in its coroutine; returns what to answer.
function operations.run(self, bytes)
  local request = read_request(self, bytes)
  local n = type(request) == "table" and request.n
  local op = type(n) == "number" and n >= 1 and n <= ARGUMENTS_MOST and ops[request[1]]
  refusals.expect(op, "Manager", "no such request")
  requests.introduce(rawget(request, "who"))
  for i = 2, n do request[i] = resolve(self, request[i], {}) end
  return op(self, unpack(request, 2, n))
end

return operations
