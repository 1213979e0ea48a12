-- SPDX-License-Identifier: MIT
-- broadcast runs a call once in each worker; warm returns when all have started. A worker that dies meanwhile ends the
-- wait of the others.
-- brokers: none
local mm = require "manymoons"
local expect = require "expect"

local count = mm.current_world() == "serial" and 1 or 4
local pool = mm.Pool(count)
expect.equal(pool:warm(), true)
for _ = 1, 5 do
  local names = pool:broadcast(function(suffix)
    return require("manymoons").current_process().name .. suffix
  end, "!")
  table.sort(names)
  expect.equal(names.n, count)
  for i = 1, count do expect.equal(names[i], "PoolWorker-" .. i .. "!") end
end

-- What it leaves behind is there for the next call.
pool:broadcast(function(x) left_behind = x end, 5) -- luacheck: ignore
expect.equal(pool:map(function() return left_behind end, { 1, 2, 3 }), { 5, 5, 5 }) -- luacheck: ignore

-- Workers that are busy come when they can.
local futures = {}
for i = 1, count do futures[i] = pool:submit(mm.sleep, 0.02) end
expect.equal(pool:broadcast(function() return 1 end).n, count)
for _, future in ipairs(futures) do future:get() end

expect.raises("it broke", pool.broadcast, pool, function() error("it broke") end)
expect.equal(pool:apply(string.upper, "on"), "ON")
pool:terminate()

if mm.current_world() == "processes" or mm.current_world() == "interpreters" then
  pool = mm.Pool(2)
  local died = 0
  for _ = 1, 3 do
    local ok, err = pcall(pool.broadcast, pool, function() os.exit(3) end)
    if not ok and err.kind == "died" then died = died + 1 end
  end
  expect.equal(died, 3)
  expect.equal(pool:broadcast(function() return 1 end), { n = 2, 1, 1 })
  pool:terminate()
end
