-- SPDX-License-Identifier: MIT
-- The plain tables of a manager's server: dict, list, set and Namespace, and their methods. The results of a method are
-- sent as copies.
local require = ...

local checks = require("core.checks")
local refusals = require("manager.refusals")

local expect = refusals.expect

local tables = {}

local dict, list, set = {}, {}, {} -- the keys of a set are its elements

-- A table inside of another one may be either. These names are too often keys to be methods of it.
local KEYS_ELSEWHERE = { index = true, count = true }

tables.methods = { dict = dict, list = list, set = set, Namespace = dict, table = setmetatable({}, {
  __index = function(_, name) return not KEYS_ELSEWHERE[name] and (dict[name] or list[name]) or nil end,
}) }

local function check_table(value, where)
  expect(type(value) == "table", where, "a table expected, got " .. type(value))
  return value
end

-- Raises for what no table has as a key. kind: what the script calls the table.
function tables.check_key(key, where)
  expect(key ~= nil and key == key, where, "a key expected, got " .. checks.show(key))
  return key
end

-- dict ------------------------------------------------------------------------------------------------

function dict.get(self, key, default)
  local value = self[key]
  if value == nil then return default end
  return value
end
function dict.set(self, key, value) self[tables.check_key(key, "dict:set")] = value end
function dict.has(self, key) return self[key] ~= nil end
function dict.keys(self)
  local all = {}
  for key in pairs(self) do all[#all + 1] = key end
  return all
end
function dict.values(self)
  local all = {}
  for _, value in pairs(self) do all[#all + 1] = value end
  return all
end
function dict.items(self)
  local all = {}
  for key, value in pairs(self) do all[#all + 1] = { key, value } end
  return all
end
function dict.pop(self, key, default)
  local value = self[key]
  if value == nil then return default end
  self[key] = nil
  return value
end
-- The key's value, which is `default` from now on if there was none.
function dict.setdefault(self, key, default)
  tables.check_key(key, "dict:setdefault")
  if self[key] == nil then self[key] = default end
  return self[key]
end
-- A key and its value, which is taken out; nil of an empty one.
function dict.popitem(self)
  local key, value = next(self)
  if key ~= nil then self[key] = nil end
  return key, value
end
function dict.clear(self)
  for key in pairs(self) do self[key] = nil end
end
function dict.copy(self) return self end
function dict.len(self)
  local n = 0
  for _ in pairs(self) do n = n + 1 end
  return n
end
-- update(f, …) → the results of f(object, …), which runs on the server with no other request in between;
-- update(table) adds the pairs of a table
function dict.update(self, change, ...)
  if type(change) == "table" then
    for key, value in pairs(change) do self[key] = value end
    return
  end
  expect(checks.is_callable(change), "dict:update", "a function or a table expected, got " .. type(change))
  return change(self, ...)
end

-- list ------------------------------------------------------------------------------------------------

list.get, list.set, list.clear, list.items, list.update = dict.get, dict.set, dict.clear, dict.items, dict.update
list.copy, list.values = dict.copy, dict.copy

local function check_position(position, most, where)
  expect(checks.is_whole(position, 1, most), where,
    ("a position from 1 to %d expected, got %s"):format(most, checks.show(position)))
end

function list.len(self) return #self end
function list.append(self, ...)
  expect(select("#", ...) > 0, "list:append", "value expected")
  self[#self + 1] = (...)
end
function list.extend(self, values)
  for _, value in ipairs(check_table(values, "list:extend")) do self[#self + 1] = value end
end
function list.insert(self, position, ...)
  check_position(position, #self + 1, "list:insert")
  expect(select("#", ...) > 0, "list:insert", "value expected")
  table.insert(self, position, (...))
end
function list.pop(self, position)
  if position ~= nil then check_position(position, math.max(1, #self), "list:pop") end
  return table.remove(self, position)
end
list.remove = list.pop
function list.reverse(self)
  local n = #self
  for i = 1, math.floor(n / 2) do self[i], self[n + 1 - i] = self[n + 1 - i], self[i] end
end
-- The first position from `first` on of an equal element; nil: there is none.
function list.index(self, value, first)
  if first ~= nil then check_position(first, #self + 1, "list:index") end
  for i = first or 1, #self do
    if self[i] == value then return i end
  end
end
function list.count(self, value)
  local n = 0
  for _, element in ipairs(self) do
    if element == value then n = n + 1 end
  end
  return n
end
-- An error of the script's is_less stays what it is.
function list.sort(self, is_less)
  expect(is_less == nil or type(is_less) == "function", "list:sort", "a function expected, got " .. type(is_less))
  local ok, err = pcall(table.sort, self, is_less)
  if ok then return end
  if is_less and err ~= "invalid order function for sorting" then error(err, 0) end
  refusals.fail("list:sort: " .. tostring(err))
end
function list.concat(self, separator)
  expect(separator == nil or type(separator) == "string", "list:concat",
    "a string expected, got " .. type(separator))
  for i, value in ipairs(self) do
    local is_text = type(value) == "string" or type(value) == "number"
    expect(is_text, "list:concat", ("element %d is a %s"):format(i, type(value)))
  end
  return table.concat(self, separator)
end

-- set -------------------------------------------------------------------------------------------------

set.has, set.clear, set.copy, set.len, set.values = dict.has, dict.clear, dict.copy, dict.len, dict.keys

-- Copies of one table are no one element.
local function check_element(element, where)
  local kind = type(element)
  local is_right = kind == "string" or kind == "boolean" or (kind == "number" and element == element)
  expect(is_right, where, "a string, a number or a boolean expected, got " .. checks.show(element))
  return element
end

local function add_all(self, elements, where)
  for _, element in ipairs(check_table(elements, where)) do self[check_element(element, where)] = true end
  return self
end

-- The elements of self for which is_kept(element), as a list.
local function chosen(self, is_kept)
  local all = {}
  for element in pairs(self) do
    if is_kept(element) then all[#all + 1] = element end
  end
  return all
end

-- Each says whether it changed the set.
function set.add(self, element)
  local is_new = not self[check_element(element, "set:add")]
  self[element] = true
  return is_new
end
function set.remove(self, element)
  local was_there = self[check_element(element, "set:remove")] ~= nil
  self[element] = nil
  return was_there
end
set.discard = set.remove
-- An element, which is taken out; nil of an empty set.
function set.pop(self)
  local element = next(self)
  if element ~= nil then self[element] = nil end
  return element
end
-- update(list) adds elements; update(f, …) is that of a dict.
function set.update(self, change, ...)
  if type(change) ~= "table" then return dict.update(self, change, ...) end
  add_all(self, change, "set:update")
end
-- Lists of what both have, what one of them has, and what the other one has not.
function set.union(self, elements)
  local all = add_all({}, elements, "set:union")
  for element in pairs(self) do all[element] = true end
  return dict.keys(all)
end
function set.intersection(self, elements)
  local other = add_all({}, elements, "set:intersection")
  return chosen(self, function(element) return other[element] end)
end
function set.difference(self, elements)
  local other = add_all({}, elements, "set:difference")
  return chosen(self, function(element) return not other[element] end)
end

-- Factories -------------------------------------------------------------------------------------------

tables.factories = { set = function(elements) return add_all({}, elements == nil and {} or elements, "set"), "set" end }
for _, kind in ipairs({ "dict", "list", "Namespace" }) do
  tables.factories[kind] = function(source)
    local result = {}
    for key, value in pairs(source == nil and {} or check_table(source, kind)) do result[key] = value end
    return result, kind
  end
end

return tables
