-- SPDX-License-Identifier: MIT
-- A wrong use in a task, a target, an initializer or a callback: its message has the file of the script, and the line
-- of the call; or, where a tail call left no trace, the line of the function that the worker called, or of its call.
local mm = require "manymoons"
local expect = require "expect"

local file = debug.getinfo(1, "S").short_src:gsub("%p", "%%%0")
local function line() return debug.getinfo(2, "l").currentline end
local function says(err, first, last)
  local text = tostring(type(err) == "table" and err.message or err)
  local number = tonumber(text:match("^" .. file .. ":(%d+): [%w:]+: "))
  if not number or number < first or number > (last or first) then
    error("got " .. text .. ", wanted line " .. first .. " of the script", 2)
  end
end
local function fails(f, ...)
  local ok, err = pcall(f, ...)
  expect.equal(ok, false)
  return err
end

local q = mm.Queue()
local function direct() mm.sleep("x") end local direct_line = line()
local function tail() return mm.sleep("x") end local tail_line = line()
local function method() return q:get("x") end local method_line = line()
local function in_a_coroutine() error(select(2, coroutine.resume(coroutine.create(direct))), 0) end

local pool = mm.Pool(1)
local calls = { [direct] = direct_line, [tail] = tail_line, [method] = method_line, [in_a_coroutine] = direct_line }
for f, at in pairs(calls) do
  says(fails(pool.apply, pool, f), at)
  says(fails(pool.map, pool, f, { 1 }), at)
  says(fails(pool.starmap, pool, f, { {} }), at)
  says(fails(function() return pool:submit(f):get() end), at)
  says(fails(mm.Pool, { workers = 1, initializer = f }), at)
  local told = mm.Queue()
  local process = mm.Process(function()
    told:put(tostring(select(2, pcall(f))))
  end)
  process:start()
  says(told:get(expect.HANG), at - 1, line())
  process:join()
  says(fails(function() mm.async.run(f) end), at)
end

-- A callback runs below the call that waits.
local heard
pool:submit(function() return 1 end):on_done(function(future)
  heard = fails(direct)
  return future
end):wait()
says(heard, direct_line)
pool:terminate()
