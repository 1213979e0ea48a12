-- SPDX-License-Identifier: MIT
-- A class library that is a module of its own, with the mechanism of 30log: it knows all classes and objects by private
-- tables with weak keys, and its methods ask the module about them. It also has classes that it shows to nobody, and
-- looks at the table of globals while it is loaded, as Penlight does.
local classes, objects = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })
local library = {
  is_class = function(t) return classes[t] ~= nil end,
  is_object = function(t) return objects[t] ~= nil end,
}
library.debugs = rawget(_G, "class_library_debugs") or false

local meta = {}
function meta.__call(class, ...)
  assert(library.is_class(class), "not a class")
  local object = setmetatable({ class = class }, class)
  objects[object] = true
  object:init(...)
  return object
end
function meta.__tostring(class) return "class '" .. class.name .. "'" end

local function create(name, super)
  local class = {}
  for key, value in pairs(super or {}) do class[key] = value end
  class.name, class.super, class.__index = name, super, class
  class.__call, class.__tostring = meta.__call, meta.__tostring
  class.is = function(self, other)
    assert(library.is_object(self), "not an object")
    assert(library.is_class(other), "not a class")
    local at = self.class
    while at and at ~= other do at = at.super end
    return at == other
  end
  function class:extend(sub) return create(sub, self) end
  classes[class] = name
  return setmetatable(class, meta)
end

local Hidden = {}
Hidden.__index = Hidden
setmetatable(Hidden, { __call = function(class, name) return setmetatable({ name = name }, class) end })
function Hidden:describe() return "animal " .. self.name end
function Hidden:rename(name) self.name = name end
local HiddenCat = setmetatable({}, { __index = Hidden, __call = getmetatable(Hidden).__call })
HiddenCat.__index = HiddenCat
function HiddenCat:describe() return "cat, " .. Hidden.describe(self) end

function library.hidden() return Hidden, HiddenCat end
function library.hidden_cat(name) return HiddenCat(name) end
function library.is_hidden(object, class)
  local meta_of = getmetatable(object)
  if meta_of ~= Hidden and meta_of ~= HiddenCat then return false end
  return meta_of == class or getmetatable(meta_of).__index == class
end

return setmetatable(library, { __call = function(_, name) return create(name) end })
