-- SPDX-License-Identifier: MIT
-- The error of a call of a method that an object of the library does not have says which one is meant. Names that are
-- absent are nil, as code expects that asks an object for what it has.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)

local function check(wrong, right, object)
  local chunk = (loadstring or load)("return function(object) return object." .. wrong .. " end")()
  expect.equal(chunk(object), nil, wrong)
  chunk = (loadstring or load)("return function(object) return object:" .. wrong .. "(1) end")()
  local err = expect.raises("did you mean", pool.apply, pool, chunk, object)
  expect.truthy(err.message:find("'" .. wrong .. "'", 1, true), err.message)
  expect.equal(err.message:match("did you mean '(.-)'%?$"), right, err.message)
end

check("gett", "get", mm.Queue())
check("task_don", "task_done", mm.JoinableQueue())
check("aquire", "acquire", mm.Lock())
check("sett", "set", mm.Event())
check("notifyall", "notify_all", mm.Condition())
check("slicee", "slice", mm.Array("i8", 3))
check("recieve_bytes", "recv_bytes", (mm.Pipe()))

local function message(f, ...) return expect.raises("attempt to call", pool.apply, pool, f, ...).message end
local function of_script() return setmetatable({}, { __index = { walk = print } }):wakl() end
expect.truthy(not message(of_script):find("did you mean"), "objects of the script are its own")
expect.truthy(not message(function(q) return q:paint() end, mm.Queue()):find("did you mean"), "nothing is near")

local err = expect.raises("did you mean 'map'", mm.async.run, function()
  return mm.async.spawn(function() return pool:mapp(print, {}) end):get()
end)
expect.equal(err.kind, "error")
for _, probed in ipairs({ "clone", "read", "size", "await", "unlock" }) do expect.equal(pool[probed], nil) end
pool:terminate()
