-- SPDX-License-Identifier: MIT
-- A function whose environment inherits from _G, as in busted's specs and modules of 5.1, can be sent.
local mm = require "manymoons"
local expect = require "expect"

local function in_environment(code, env)
  if setfenv then return setfenv(loadstring(code), env)() end
  return load(code, "spec", "t", env)()
end

shared = 100
local pool = mm.Pool(1)
local spec = setmetatable({ factor = 3 }, { __index = _G })
local f = in_environment("return function(x) return math.floor(x * factor) + shared end", spec)
expect.equal(pool:apply(f, 2.5), 107)

-- What the function sets stays in its environment, and out of _G.
local set = in_environment([[return function()
  counter = (counter or 0) + 1
  return counter, rawget(_G, 'counter')
end]], spec)
expect.equal({ pool:apply(set) }, { 1 })

-- Two functions of one environment share it.
local both = in_environment("return { get = function() return hits end, hit = function() hits = (hits or 0) + 1 end }",
  setmetatable({}, { __index = _G }))
expect.equal(pool:apply(function(b)
  b.hit()
  b.hit()
  return b.get()
end, both), 2)

-- A chain of environments, and one that looks names up by a function, as busted's does.
local outer = setmetatable({ level = "outer" }, { __index = _G })
local inner = setmetatable({ here = "inner" }, { __index = outer })
local chained = in_environment("return function() return here .. level .. type(print) end", inner)
expect.equal(pool:apply(chained), "innerouterfunction")
local parent = { greeting = "hello" }
local by_function = setmetatable({}, { __index = function(_, name)
  if parent[name] ~= nil then return parent[name] end
  return _G[name]
end })
local looked_up = in_environment("return function() return greeting:upper() .. tostring(shared) end", by_function)
expect.equal(pool:apply(looked_up), "HELLO100")

-- A table with such a metatable that is no environment is an object of a class.
local object = setmetatable({}, { __index = _G })
local back, name = pool:apply(function(o) return o, o.shared .. type(o.print) end, object)
expect.truthy(getmetatable(back) == getmetatable(object))
expect.equal(name, "100function")
pool:terminate()

-- The table of globals is the receiver's, however many other objects the message has.
local many = { globals = _G, f = (loadstring or load)("return _G == ...") }
for i = 1, 500 do many[i] = { i } end
local one = mm.Pool(1)
expect.equal({ one:apply(function(list) return list.globals == _G, list.f(_G) end, many) }, { true, true })
one:terminate()
