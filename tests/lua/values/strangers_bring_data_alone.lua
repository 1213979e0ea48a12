-- SPDX-License-Identifier: MIT
-- What mm.loads makes of bytes from anywhere: data, and instances of the classes that the program registered as
-- untrusted. It is the same in a worker, which has the program's classes.
local mm = require "manymoons"
local expect = require "expect"

local Open, Closed = {}, {}
Open.__index, Closed.__index = Open, Closed
function Open.sum(self) return self.x + self.y end
mm.register("Open", Open, { untrusted = true })
mm.register("Closed", Closed)
package.loaded["strangers.module"] = { Class = {}, Open = Open }

local function loads(value) return mm.loads(mm.dumps(value)) end

local function data_comes_as_it_was()
  local shared = { 1, 2.5, "three" }
  local value = { shared, again = shared, yes = true, no = false, text = ("x"):rep(300), list = {} }
  for i = 1, 20 do value.list[i] = i * 3 end
  expect.equal(loads(value), value)
  local back = loads(value)
  expect.truthy(back[1] == back.again, "what is shared is shared")
end

local function all_else_is_refused()
  for what, value in pairs({
    ["class 'Closed'"] = setmetatable({}, Closed),
    ["class 'strangers.module.Class'"] = setmetatable({}, package.loaded["strangers.module"].Class),
    ["class 'string'"] = setmetatable({}, string),
    ["class 'mm.Error'"] = setmetatable({}, mm.Error),
    ["class 'manymoons._classes.Proxy'"] = setmetatable({}, mm._classes.Proxy),
    ["class 'manymoons._classes.BrokerQueue'"] = setmetatable({}, mm._classes.BrokerQueue),
    ["the module 'string'"] = string,
    ["the table of globals"] = _G,
    ["'Class' of module 'strangers.module'"] = package.loaded["strangers.module"].Class,
    ["'stdout' of module 'io'"] = io.stdout,
    ["functions, which are refused"] = function() return 1 end,
    ["functions, which are refused "] = os.execute,
  }) do
    local pattern = what:gsub("%s+$", ""):gsub("%p", "%%%0")
    if type(value) ~= "table" or value ~= package.loaded["strangers.module"].Class then -- which is data
      expect.raises(pattern, loads, { value })
      expect.raises(pattern, loads, value)
      expect.raises(pattern, mm.loads, mm.dumps({ value }), { functions = false })
    end
    expect.truthy(mm.loads(mm.dumps({ value }), { functions = true }), "the caller vouches for them")
  end
  local meta = {}
  expect.raises("hold a class, which is refused", loads, { meta, setmetatable({}, meta) })
  expect.raises("hold a class, which is refused", loads, setmetatable({}, meta))
  meta.__mm_send, meta.__mm_receive = function() return 1 end, function() error("it ran") end
  expect.raises("refused unless {functions = true}", loads, setmetatable({}, meta))
  expect.raises("'functions' is the one option", mm.loads, "", { function_ = true })
end

local function u32(number)
  local bytes = {}
  for i = 1, 4 do
    bytes[i], number = string.char(number % 256), math.floor(number / 256)
  end
  return table.concat(bytes)
end

-- A number, behind which stands the body of a class, as one that was changed: who trusts the bytes would take it.
local function a_class_that_no_value_names_is_refused()
  local Class = { __index = {} }
  local bytes = mm.dumps(setmetatable({}, Class))
  local a, b, c, d = bytes:byte(-4, -1)
  local classes = bytes:sub(a + b * 2 ^ 8 + c * 2 ^ 16 + d * 2 ^ 24 + 1, -5)
  local body = "\1\65" .. classes .. u32(14)
  local forged = "M" .. bytes:sub(2, 2) .. string.char(8 + 16, 0) .. u32(#body) .. u32(0) .. body
  expect.equal(mm.loads(forged, { functions = true }), 1)
  expect.raises("the bytes hold a class, which is refused", mm.loads, forged)
end

local function classes_registered_as_untrusted_are_accepted()
  local a, b = setmetatable({ x = 1, y = 2 }, Open), setmetatable({ x = 3, y = 4 }, Open)
  local back = loads({ a, b, a, { deep = b } })
  expect.equal({ back[1]:sum(), back[2]:sum() }, { 3, 7 })
  expect.truthy(back[1] == back[3] and back[2] == back[4].deep, "what is shared is shared")
  expect.truthy(getmetatable(back[1]) == Open, "the program's class")
  -- the class itself is not theirs
  expect.raises("name the class 'Open'", loads, { Open })
end

local function a_class_can_be_closed_again()
  local Late = {}
  mm.register("Late", Late, { untrusted = true })
  local bytes = mm.dumps(setmetatable({}, Late))
  expect.truthy(getmetatable(mm.loads(bytes)) == Late)
  mm.register("Late", Late)
  expect.raises("class 'Late', which is not registered with {untrusted = true}", mm.loads, bytes)
  expect.raises("'untrusted' is the one option", mm.register, "Late", Late, { trusted = true })
  expect.raises("table expected", mm.register, "Late", Late, true)
end

data_comes_as_it_was()
all_else_is_refused()
a_class_that_no_value_names_is_refused()
classes_registered_as_untrusted_are_accepted()
a_class_can_be_closed_again()

local pool = mm.Pool(1)
local open, closed = mm.dumps(setmetatable({ x = 1, y = 5 }, Open)), mm.dumps(setmetatable({}, Closed))
expect.equal({ pool:apply(function()
  local ok, why = pcall(mm.loads, closed)
  return mm.loads(open):sum(), ok, tostring(why):match("class 'Closed'")
end) }, { 6, false, "class 'Closed'" })
pool:terminate()
