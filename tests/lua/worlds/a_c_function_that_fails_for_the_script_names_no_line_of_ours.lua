-- SPDX-License-Identifier: MIT
-- A function in C puts the line of its caller in front of its error. Where the library calls it for the script, that is
-- a line of the library, which no message has: in each call that takes a function.
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(1)

-- The error's message, and its value, are the text alone.
local function check(what, f, ...)
  local ok, err = pcall(f, ...)
  expect.equal(ok, false, what)
  if getmetatable(err) ~= mm.Error then err = { message = err, value = err } end
  expect.equal(err.message, "text", what)
  expect.equal(err.value, "text", what)
end

local function check_all(what, f, ...)
  local iterator, state, first = f(...)
  check(what, function()
    for _ in iterator, state, first do end
  end)
end

check("apply", pool.apply, pool, error, "text")
check("map", pool.map, pool, error, { "text" })
check("starmap", pool.starmap, pool, error, { { "text" } })
check("reduce", pool.reduce, pool, error, { "text" }, error)
check("filter", pool.filter, pool, error, { "text" })
check("find", pool.find, pool, error, { "text" })
check("broadcast", pool.broadcast, pool, error, "text")
check_all("imap", pool.imap, pool, error, { "text" })
local future = pool:submit(error, "text")
check("submit", future.get, future)

check("to_thread", mm.async.to_thread, error, "text")
check("spawn", mm.async.run, function() return mm.async.spawn(error, "text"):get() end)
check("timeout", mm.async.run, function() return mm.async.timeout(expect.HANG, error, "text") end)
check("async.map", mm.async.run, function() return mm.async.map({ "text" }, error) end)

-- What a script's line raises keeps it.
local own = debug.getinfo(1, "S").short_src:gsub("%p", "%%%0")
local ok, err = pcall(pool.apply, pool, function() error("text") end)
expect.truthy(not ok and err.message:find("^" .. own .. ":%d+: text$"), err.message)
pool:terminate()
