-- SPDX-License-Identifier: MIT
-- rawget, next, pairs, a metatable of _G that a worker sets, and names that are not there: as in the program.
local mm = require "manymoons"
local expect = require "expect"

package.preload.strict = function()
  local mt = getmetatable(_G)
  if mt == nil then
    mt = {}
    setmetatable(_G, mt)
  end
  mt.__declared = {}
  local function what()
    local d = debug.getinfo(3, "S")
    return d and d.what or "C"
  end
  mt.__newindex = function(t, n, v)
    if not mt.__declared[n] then
      if what() ~= "main" and what() ~= "C" then error("assign to undeclared variable '" .. n .. "'", 2) end
      mt.__declared[n] = true
    end
    rawset(t, n, v)
  end
  mt.__index = function(t, n)
    if not mt.__declared[n] and what() ~= "C" then error("variable '" .. n .. "' is not declared", 2) end
    return rawget(t, n)
  end
  return true
end

scale = 2
unused = { "never touched by name" }
function helper(x) return x * scale end

local globals = _G -- as an upvalue
local ways = {
  rawget = function() return rawget(_G, "unused") ~= nil end,
  next = function()
    for name in next, _G do
      if name == "unused" then return true end
    end
  end,
  pairs = function()
    for name in pairs(_G) do
      if name == "unused" then return true end
    end
  end,
  upvalue = function() return rawget(globals, "unused") ~= nil and next(globals) ~= nil end,
  environment = getfenv and function() return rawget(getfenv(1), "unused") ~= nil end or function() return true end,
  metatable = function()
    if getmetatable(_G) ~= nil then return "there is a metatable" end
    setmetatable(_G, { __index = function(_, name) return "no " .. name end })
    local result = helper(4) == 8 and unused[1] == "never touched by name" and nowhere == "no nowhere"
    setmetatable(_G, nil)
    return result
  end,
  hosts = function()
    if vim or love then return "they are there" end
    return true
  end,
  strict = function()
    require "strict"
    if helper(4) ~= 8 then return "helper is lost" end
    local wrote = pcall(function() undeclared_1 = 1 end)
    local read = pcall(function() return undeclared_2 end)
    setmetatable(_G, nil)
    package.loaded.strict = nil
    return not wrote and not read
  end,
}
local function check(where)
  local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
  for _, method in ipairs(methods) do
    for way, f in pairs(ways) do
      local q = mm.Queue()
      local p = mm.Process({ method = method, args = { q }, target = function(out)
        local ok, result = pcall(f)
        out:put({ ok, type(result) == "table" and "a table" or result })
      end })
      p:start()
      expect.equal(q:get(expect.HANG), { true, true }, where .. way .. ", " .. method)
      p:join()
    end
  end
end
-- Tables of a host, by which scripts find out where they run. They cannot be sent.
if mm.current_world() == "processes" or mm.current_world() == "interpreters" then
  if mm.current_world() == "interpreters" then vim = { co = coroutine.create(function() end) } end
end
check("")
vim = nil

-- The program itself is strict.
require "strict"
ways.metatable = nil
package.loaded.strict = nil
ways.strict = function()
  local wrote = pcall(function() undeclared_3 = 1 end)
  local read = pcall(function() return undeclared_4 end)
  return not wrote and not read and helper(4) == 8
end
ways.hosts = nil
check("strict: ")
