-- SPDX-License-Identifier: MIT
-- brokers: none
-- Workers of another program have no classes of this one.
local mm = require "manymoons"
local expect = require "expect"

NotFound = {}
NotFound.__index = NotFound
NotFound.__tostring = function(self) return "not found: " .. self.what end
function NotFound.describe(self) return "<" .. self.what .. ">" end

Silent = { __tostring = function() error("no text for you") end }
Odd = { __tostring = function() return {} end }

Registered = { __index = { kind = "registered" } }
mm.register("tests.Registered", Registered)

local function raise(what)
  if what == "false" then error(false) end
  if what == "nil" then error(nil) end
  if what == "number" then error(42, 0) end
  if what == "table" then error({ code = 5 }) end
  if what == "class" then error(setmetatable({ what = "a file" }, NotFound)) end
  if what == "registered" then error(setmetatable({ code = 6 }, Registered)) end
  if what == "silent" then error(setmetatable({ code = 7 }, Silent)) end
  if what == "odd" then error(setmetatable({ code = 8 }, Odd)) end
end

local function check(way, what, err)
  local where = way .. ", error " .. what .. ": "
  expect.equal(getmetatable(err), mm.Error, where .. tostring(err))
  expect.equal(err.kind, "error", where)
  local value = err.value
  if what == "false" then expect.equal(value, false, where) end
  if what == "nil" then expect.equal(value, nil, where) end
  if what == "number" then expect.equal(value, 42, where) end
  if what == "table" then expect.equal(value.code, 5, where) end
  if what == "class" then
    expect.equal(value:describe(), "<a file>", where)
    expect.equal(getmetatable(value), NotFound, where)
    expect.equal(err.message, "not found: a file", where)
  end
  if what == "registered" then expect.equal(value.code .. value.kind, "6registered", where) end
  if what == "silent" or what == "odd" then
    expect.equal(value.code, what == "odd" and 8 or 7, where)
    expect.equal(getmetatable(value), what == "odd" and Odd or Silent, where)
    expect.truthy(err.message:find("table value", 1, true), where .. err.message)
  end
  expect.truthy(tostring(err):find("stack traceback", 1, true), where .. "the worker's stack")
end

local pool = mm.Pool(2)
local manager = mm.Manager()
manager:register("raiser", function() return { raise = function(_, what) raise(what) end } end)
local ways = {
  apply = function(what) return pool:apply(raise, what) end,
  submit = function(what) return pool:submit(raise, what):get() end,
  map = function(what) return pool:map(raise, { what, what }) end,
  imap = function(what)
    for _ in pool:imap(raise, { what }) do expect.truthy(false, "no result") end
  end,
  manager = function(what) return manager:raiser():raise(what) end,
  task = function(what)
    return mm.async.run(function() return mm.async.spawn(raise, what):get() end)
  end,
}
for _, what in ipairs({ "false", "nil", "number", "table", "class", "registered", "silent", "odd" }) do
  for way, call in pairs(ways) do
    local ok, err = pcall(call, what)
    expect.truthy(not ok, way .. ", error " .. what .. ": nothing was raised")
    check(way, what, err)
  end
end
manager:close()
expect.equal(pool:apply(function() return "fine" end), "fine")
pool:terminate()
