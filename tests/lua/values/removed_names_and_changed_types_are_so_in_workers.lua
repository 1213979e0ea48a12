-- SPDX-License-Identifier: MIT
-- What fork gives: names that the program removed, metatables of types, modules that it put into package.loaded, and
-- its searchers.
local mm = require "manymoons"
local expect = require "expect"

local type = type
local searchers = package.searchers or package.loaders
local execute, dofile_before, tan, utf8_before = os.execute, dofile, math.tan, utf8

os.execute, dofile, math.tan = nil, nil, nil -- luacheck: ignore
utf8 = nil -- luacheck: ignore
getmetatable("").__call = function(s, x) return s .. x end
getmetatable("").__unm = function(s) return s:reverse() end
debug.setmetatable(0, { __index = { double = function(n) return n * 2 end } })
debug.setmetatable(print, { __index = { name = "a function" } })
debug.setmetatable(nil, { __len = function() return 0 end, __index = function() return nil end })
debug.setmetatable(true, { __tostring = function(b) return b and "yes" or "no" end })
package.loaded.config = { port = 80, list = { 1, 2 } }
package.loaded["config.flag"] = true
config_again = package.loaded.config
table.insert(searchers, function(name)
  local what = name:match("^made%.(%a+)$")
  return what and function() return { what = what } end or "\n\tno " .. name
end)

local function look()
  local found = {}
  found.execute, found.dofile = type(os.execute), type(dofile)
  found.tan, found.utf8 = type(math.tan), type(utf8)
  found.rawdofile = type(rawget(_G, "dofile"))
  found.called, found.turned = ("a")("b"), -("abc")
  found.upper = ("x"):upper()
  found.double, found.name = (21):double(), print.name
  found.missing = found.nothing.field == nil
  found.yes = tostring(true)
  found.port, found.flag = require("config").port, require("config.flag")
  found.loaded = package.loaded.config ~= nil and package.loaded.config.list[2]
  found.same = package.loaded.config == config_again
  found.made = require("made.here").what
  found.missed = pcall(require, "no.such.module")
  return found
end
local wanted = {
  execute = "nil", dofile = "nil", tan = "nil", utf8 = "nil", rawdofile = "nil",
  called = "ab", turned = "cba", upper = "X", double = 42, name = "a function", missing = true, yes = "yes",
  port = 80, flag = true, loaded = 2, same = true, made = "here", missed = false,
}
local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
local answers = {}
for _, method in ipairs(methods) do
  local q = mm.Queue()
  local p = mm.Process({ args = { q }, method = method, target = function(out) out:put(look()) end })
  p:start()
  answers[method] = q:get(expect.HANG)
  p:join()
end

-- A worker of a worker, too.
local q = mm.Queue()
local p = mm.Process(function(out)
  local inner = require("manymoons").Process(function(o) o:put(look()) end, out)
  inner:start()
  inner:join()
end, q)
p:start()
answers.nested = q:get(expect.HANG)
p:join()

os.execute, dofile, math.tan, utf8 = -- luacheck: ignore
  execute, dofile_before, tan, utf8_before
debug.setmetatable(nil, nil)
debug.setmetatable(true, nil)
for method, answer in pairs(answers) do expect.equal(answer, wanted, method) end
for _, method in ipairs(methods) do expect.truthy(answers[method], method .. ": nothing came") end
expect.truthy(answers.nested, "a worker of a worker: nothing came")
