-- SPDX-License-Identifier: MIT
-- A program may have wrapped standard functions before it loads this library.
local tostring_before, format, random, time = tostring, string.format, math.random, os.time
function tostring(x) return "<" .. tostring_before(x) .. ">" end -- luacheck: ignore
function os.time() return 42 end
local exit = os.exit
function os.exit(code) return exit(code + 1) end
function math.random(...) return 1000 + random(...) end

local mm = require "manymoons"
local expect = require "expect"

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
local answers = {}
for i, method in ipairs(methods) do
  local q = mm.Queue()
  local p = mm.Process({ method = method, args = { q }, target = function(out)
    out:put({ tostring(5), os.time(), math.random(1, 1), tostring_before(6), format("%d", 7), random(1, 1),
      type(time()) == "number" })
  end })
  p:start()
  answers[i] = q:get(expect.HANG)
  p:join()
end
tostring, os.time, math.random = tostring_before, time, random -- luacheck: ignore
for i, method in ipairs(methods) do
  expect.equal(answers[i], { "<5>", 42, 1001, "6", "7", 1, true }, method)
end

-- os.exit, of which the library has one of its own in other hosts than the program.
local is_apart = mm.current_world() == "interpreters" or mm.current_world() == "processes"
for _, method in ipairs(is_apart and methods or {}) do
  local pool = mm.Pool{ workers = 1, method = method }
  local err = expect.raises("", pool.apply, pool, function() os.exit(6) end)
  expect.equal({ err.kind, err.exitcode }, { "died", 7 }, method)
  pool:terminate()
end
