-- SPDX-License-Identifier: MIT
-- Small class libraries, each with the mechanism of a widely used one. styles.NAME(class) defines the class `class`,
-- with a subclass, and returns both: each has a constructor (the class itself is called), `describe`, `rename`, and the
-- subclass overrides `describe`. `of(object)` is the class of an object.
local styles = {}

-- Like middleclass: a class is a table around the metatable of its instances; methods are copied down to subclasses;
-- a class knows its subclasses by a weak table; every instance knows its class.
local function instances_know_their_class()
  local function index_of(dict, f)
    if f == nil then return dict end
    if type(f) == "table" then return function(_, key) return dict[key] == nil and f[key] or dict[key] end end
    return function(self, key)
      if dict[key] ~= nil then return dict[key] end
      return f(self, key)
    end
  end
  local function propagate(class, name, f)
    f = name == "__index" and index_of(class.dict, f) or f
    class.dict[name] = f
    for sub in pairs(class.subclasses) do
      if rawget(sub.declared, name) == nil then propagate(sub, name, f) end
    end
  end
  local function declare(class, name, f)
    class.declared[name] = f
    if f == nil and class.super then f = class.super.dict[name] end
    propagate(class, name, f)
  end
  local function create(name, super)
    local dict = {}
    dict.__index = dict
    local class = { name = name, super = super, static = {}, dict = dict, declared = {},
      subclasses = setmetatable({}, { __mode = "k" }) }
    setmetatable(class.static, { __index = function(_, key)
      local found = rawget(dict, key)
      if found == nil and super then return super.static[key] end
      return found
    end })
    return setmetatable(class, { __index = class.static, __newindex = declare,
      __tostring = function() return "class " .. name end,
      __call = function(self, ...) return self:new(...) end })
  end
  local Object = create("Object")
  Object.static.new = function(self, ...)
    local object = setmetatable({ class = self }, self.dict)
    object:initialize(...)
    return object
  end
  Object.static.subclass = function(self, name)
    local sub = create(name, self)
    for key, f in pairs(self.dict) do
      if not (key == "__index" and type(f) == "table") then propagate(sub, key, f) end
    end
    self.subclasses[sub] = true
    return sub
  end
  Object.initialize = function() end

  local Animal = Object:subclass("Animal")
  function Animal:initialize(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  Animal.__tostring = function(self) return "<" .. self.name .. ">" end
  local Cat = Animal:subclass("Cat")
  function Cat:describe() return "cat, " .. Animal.describe(self) end
  return Animal, Cat
end

-- Like classic: a class is the metatable of its instances and of its subclasses.
local function classes_are_metatables()
  local Object = {}
  Object.__index = Object
  function Object.new() end
  function Object:extend()
    local class = {}
    for key, value in pairs(self) do
      if key:find("__") == 1 then class[key] = value end
    end
    class.__index = class
    class.super = self
    return setmetatable(class, self)
  end
  function Object:__call(...)
    local object = setmetatable({}, self)
    object:new(...)
    return object
  end
  function Object:__tostring() return "<" .. tostring(rawget(self, "name")) .. ">" end

  local Animal = Object:extend()
  function Animal:new(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  local Cat = Animal:extend()
  function Cat:new(name) Cat.super.new(self, name) end
  function Cat:describe() return "cat, " .. Cat.super.describe(self) end
  return Animal, Cat
end

-- Like 30log: classes and instances are copies of templates, and a table of the library knows all of them.
local function a_library_knows_all()
  local classes, instances = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })
  local meta = { __tostring = function(c) return "class '" .. rawget(c, "name") .. "'" end }
  local base = {}
  local function create(name, super)
    local class = { name = name, super = super, subclasses = setmetatable({}, { __mode = "k" }) }
    for key, value in pairs(super or base) do
      if class[key] == nil then class[key] = value end
    end
    class.__index = class
    classes[class] = name
    if super then super.subclasses[class] = true end
    return setmetatable(class, { __index = super, __call = meta.__call, __tostring = meta.__tostring })
  end
  function meta.__call(class, ...)
    local object = setmetatable({ class = class }, class)
    instances[object] = true
    object:init(...)
    return object
  end
  function base:extend(name) return create(name, self) end
  function base.count() -- of the objects that the library has made
    local count = 0
    for _ in pairs(instances) do count = count + 1 end
    return count
  end

  local Animal = create("Animal")
  function Animal:init(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  local Cat = Animal:extend("Cat")
  function Cat:describe() return "cat, " .. self.class.super.describe(self) end
  return Animal, Cat
end

-- Like Penlight's class: a class refers to its base, and has a constructor for those derived from it.
local function classes_have_bases()
  local function create(base)
    local class = {}
    for key, value in pairs(base or {}) do
      if class[key] == nil then class[key] = value end
    end
    class._base, class._class, class.__index = base, class, class
    class.is_a = function(self, other)
      local at = getmetatable(self)
      while at and at ~= other do at = rawget(at, "_base") end
      return at == other
    end
    class.class_of = function(_, object) return type(object) == "table" and object.is_a and object:is_a(class) end
    return setmetatable(class, { __call = function(c, ...)
      local object = setmetatable({}, c)
      if c._init then c._init(object, ...) end
      return object
    end })
  end
  local Animal = create()
  function Animal:_init(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  function Animal.__eq(a, b) return a.name == b.name end
  local Cat = create(Animal)
  function Cat:describe() return "cat, " .. self._base.describe(self) end
  return Animal, Cat
end

-- A plain class, with closures over its own table and over a private table by instance.
local function plain()
  local secrets = setmetatable({}, { __mode = "k" })
  local Animal = {}
  Animal.__index = Animal
  setmetatable(Animal, { __call = function(class, name)
    local object = setmetatable({ name = name }, class)
    secrets[object] = "secret of " .. name
    return object
  end })
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  function Animal:secret() return secrets[self] end
  local Cat = setmetatable({}, { __index = Animal, __call = getmetatable(Animal).__call })
  Cat.__index = Cat
  function Cat:describe() return "cat, " .. Animal.describe(self) end
  return Animal, Cat
end

-- Like 30log itself: the library is a module, which each VM loads for itself.
local function a_module_knows_all()
  local library = require "class_library"
  local Animal = library("Animal")
  function Animal:init(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  local Cat = Animal:extend("Cat")
  function Cat:describe() return "cat, " .. Animal.describe(self) end
  return Animal, Cat
end

-- Like SECS: classes and objects have the same metatable, and an object is a class as well.
local function objects_are_classes()
  local meta = {}
  function meta.__index(t, key)
    local base = rawget(t, "base")
    if base then return base[key] end
  end
  function meta.__call(class, ...) return class:new(...) end
  local root = setmetatable({ base = false }, meta)
  function root:new(...)
    local object = setmetatable({ base = self }, meta)
    if object.init and ... then object:init(...) end
    return object
  end
  local Animal = root:new()
  function Animal:init(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:rename(name) self.name = name end
  local Cat = Animal:new()
  function Cat:describe() return "cat, " .. Animal.describe(self) end
  return Animal, Cat
end

-- Like Luaoop: a class has what it inherits, and what its objects get, in tables beside it.
local function classes_are_built()
  local function instantiate(class, name)
    if not class.built then
      local all = {}
      for _, base in ipairs{ class.inherited or {}, class } do
        for key, value in pairs(base) do all[key] = value end
      end
      class.built = { meta = { type = class, __index = all, __eq = class.same } }
    end
    local object = setmetatable({}, class.built.meta)
    object:rename(name)
    return object
  end
  local function create(base)
    local inherited = {}
    for key, value in pairs(base or {}) do inherited[key] = value end
    inherited.built = nil
    return setmetatable({ inherited = inherited }, { __index = inherited, __call = instantiate })
  end
  local Animal = create()
  function Animal:rename(name) self.name = name end
  function Animal:describe() return "animal " .. self.name end
  function Animal:same(other) return self.name == other.name end
  local Cat = create(Animal)
  function Cat:describe() return "cat, " .. Animal.describe(self) end
  return Animal, Cat
end

local function hidden_in_a_module() return require("class_library").hidden() end

styles.list = {
  { name = "instances know their class", make = instances_know_their_class,
    of = function(object) return object.class end },
  { name = "classes are metatables", make = classes_are_metatables, of = getmetatable },
  { name = "a library knows all", make = a_library_knows_all, of = function(object) return object.class end },
  { name = "classes have bases", make = classes_have_bases, of = getmetatable },
  { name = "plain", make = plain, of = getmetatable },
  { name = "a module knows all", make = a_module_knows_all, of = function(object) return object.class end,
    is = function(object, class) return object:is(class) end },
  { name = "objects are classes", make = objects_are_classes, of = function(object) return rawget(object, "base") end },
  { name = "classes are built", make = classes_are_built, of = function(object) return getmetatable(object).type end },
  { name = "hidden in a module", make = hidden_in_a_module, of = getmetatable,
    is = function(object, class)
      local library = require "class_library"
      return library.is_hidden(object, class) and library.is_hidden(library.hidden_cat("x"), class)
    end },
}

return styles
