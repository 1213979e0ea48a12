-- SPDX-License-Identifier: MIT
-- mm.release: ten calls of a C function at once, each of which ends only when all have begun; arguments, results and
-- errors are the function's own.
-- worlds: async threads interpreters
local mm = require "manymoons"
local expect = require "expect"

local COUNT = 10

local upper = mm.release(string.upper)
expect.equal(upper("abc"), "ABC")
local first, last = mm.release(string.find)("a needle", "needle")
expect.equal({ first, last }, { 3, 8 })
expect.raises("bad argument #1", upper, {})
expect.raises("release: argument 1: a C function expected, got one in Lua", mm.release, function() end)
expect.raises("release: argument 1: a C function expected, got table", mm.release, {})

local execute = mm.release(os.execute)
local function call(i)
  local command = "touch begun.%d; until [ $(ls begun.* | wc -l) -ge %d ]; do sleep 0.02; done"
  return (execute(command:format(i, COUNT)))
end

local pool = mm.Pool(COUNT)
local futures = {}
for i = 1, COUNT do futures[i] = pool:submit(call, i) end
for i = 1, COUNT do
  local result = futures[i]:get(expect.HANG)
  expect.truthy(result == true or result == 0, result)
end
pool:terminate()

-- A call that is cancelled leaves nothing behind.
if mm.current_world() == "async" then
  mm.async.run(function()
    local task = mm.async.spawn(execute, "exec sleep 1000")
    mm.sleep(0.01)
    task:cancel()
    expect.equal(upper("next"), "NEXT")
  end)
end
