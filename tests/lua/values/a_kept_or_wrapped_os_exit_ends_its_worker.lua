-- SPDX-License-Identifier: MIT
-- os.exit that the script has kept before the first worker, and a function of the script in its place, end the worker
-- that calls them and not the program.
local mm = require "manymoons"
local expect = require "expect"

-- Of a host that does not ask the library, the function that a script has kept ends the process.
local is_host = false
for i in pairs(arg) do is_host = is_host or i < 0 and arg[i]:find("manymoons[^/]*$") ~= nil end
local is_apart = mm.current_world() == "interpreters" or mm.current_world() == "processes"
if not (is_host or is_apart) then return end

local methods = mm.current_world() == "processes" and { "fork", "spawn", "forkserver" } or { "fork" }
local kept = os.exit
local function fail(code) kept(code) end
local log = mm.Queue()

local function expect_ends(f, code, method, line)
  local process = mm.Process{ target = function() f(code) end, method = method }
  process:start()
  process:join()
  expect.equal(process.exitcode, code, method)
  local pool = mm.Pool{ workers = 1, method = method }
  local err = expect.raises("", pool.apply, pool, function() f(code) end)
  expect.equal(err.kind, "died", method)
  pool:terminate()
  for _ = 1, line and 2 or 0 do expect.equal(log:get(expect.HANG), line, method) end
end

for _, method in ipairs(methods) do expect_ends(fail, 3, method) end
local before = os.exit
function os.exit(code)
  log:put("exit " .. code)
  return before(code)
end
for _, method in ipairs(methods) do expect_ends(function(code) os.exit(code) end, 4, method, "exit 4") end
os.exit = before

local pool = mm.Pool(1)
expect.equal(type(pool:apply(function() return kept end)), "function")
pool:terminate()
