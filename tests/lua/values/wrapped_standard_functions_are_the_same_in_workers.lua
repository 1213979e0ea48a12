-- SPDX-License-Identifier: MIT
-- A standard function that the program wrapped: workers have the wrapper, and the original that it calls; the original
-- travels both ways, whatever stands in its place at the other end.
local mm = require "manymoons"
local expect = require "expect"

local type, select, unpack = type, select, table.unpack or unpack
local names = {
  "print", "require", "pcall", "tostring", "ipairs", "error", "io.open", "os.time", "string.format", "math.random",
  "table.concat", "setmetatable", "load", "loadstring", "next", "rawget", "type", "string.rep", "coroutine.wrap",
  "debug.traceback", "os.getenv",
}
local arguments = {
  print = {}, require = { "string" }, pcall = { function() return 3 end }, tostring = { 5 }, ipairs = { {} },
  error = { "wanted", 0 }, ["io.open"] = { "/dev/null" }, ["os.time"] = {}, ["string.format"] = { "%d", 7 },
  ["math.random"] = { 1, 1 }, ["table.concat"] = { { "a", "b" } }, setmetatable = { {}, {} }, load = { function() end },
  loadstring = { "return 1" }, next = { {} }, rawget = { { x = 1 }, "x" }, type = { 1 }, ["string.rep"] = { "x", 3 },
  ["coroutine.wrap"] = { function() end }, ["debug.traceback"] = { "text" }, ["os.getenv"] = { "HOME" },
}

local function place_of(name)
  local library, field = name:match("^(%a+)%.(%a+)$")
  return library and _G[library] or _G, field or name
end

-- In the worker: what the function in that place returns, how often it was called, and whether it is a wrapper.
local function use(name, args)
  local library, field = name:match("^(%a+)%.(%a+)$")
  local f = (library and _G[library] or _G)[field or name]
  local before = calls[1]
  local function call() return f(unpack(args)) end
  local ok = xpcall(call, function(e) return e end)
  return ok, calls[1] - before
end

calls = { 0 }
local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
for _, name in ipairs(names) do
  local home, field = place_of(name)
  local original = home[field]
  if original then
    local function wrapper(...)
      calls[1] = calls[1] + 1
      if name ~= "print" then return original(...) end
    end
    for _, method in ipairs(methods) do
      home[field] = wrapper
      local q = mm.Queue()
      local p = mm.Process({ args = { q, name, arguments[name], original }, method = method,
        target = function(out, what, args, sent)
          local ok, count = use(what, args)
          local is_equal = select("#", args) > 0 and original == sent
          out:put({ ok = ok, count = count, kinds = type(original) .. " " .. type(sent), is_equal = is_equal })
        end })
      p:start()
      local answer = q:get(expect.HANG)
      p:join()
      home[field] = original
      local where = name .. ", " .. method
      expect.truthy(answer, where .. ": nothing came")
      expect.equal(answer.ok, name ~= "error", where)
      expect.truthy(answer.count >= 1, where .. ": the wrapper was not called")
      expect.equal(answer.kinds, "function function", where)
      expect.equal(answer.is_equal, true, where .. ": two originals")
    end
  end
end

-- The original that a worker returns is the program's, also while the program has a wrapper in its place.
local pool = mm.Pool(1)
local format = string.format
function string.format(...) return "wrapped " .. format(...) end
expect.equal(pool:apply(function() return format end), format)
expect.equal(pool:apply(function() return string.format("%d", 1) end), "wrapped 1")
expect.equal(pool:apply(format, "%d", 5), "5")
string.format = format
expect.equal(pool:apply(function() return string.format("%d", 1) end), "1")
pool:terminate()
