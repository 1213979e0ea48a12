-- SPDX-License-Identifier: MIT
-- hosts: manymoons lua5.4 lua5.1
-- worlds: threads interpreters processes
local mm = require "manymoons"
local expect = require "expect"

local pool = mm.Pool(2)
local ran = mm.Queue()

local function spin(q, i)
  q:put(i)
  local text = ""
  while true do text = text:sub(1, 10) .. "x" end
end

local futures = {}
for i = 1, 6 do futures[i] = pool:submit(spin, ran, i) end
local running = { [ran:get(expect.HANG)] = true, [ran:get(expect.HANG)] = true }
for i = 6, 1, -1 do
  if not running[i] then expect.equal(futures[i]:cancel(), true, "queued " .. i) end
end
for i in pairs(running) do expect.equal(futures[i]:cancel(), true, "running " .. i) end
for i = 1, 6 do
  expect.equal(futures[i]:ready(), true)
  expect.equal(futures[i]:cancel(), false, "again " .. i)
  expect.equal(expect.raises("was cancelled", futures[i].get, futures[i]).kind, "cancelled")
end
expect.equal(pool:map(function(x) return x end, { 1, 2, 3, 4 }), { 1, 2, 3, 4 })
expect.equal(ran:qsize(), 0, "calls that began after their cancellation")

local whole = pool:map_async(function(x)
  local text = ""
  while x > 2 do text = text:sub(1, 10) .. "x" end
end, { 1, 2, 3, 4, 5, 6 }, { chunksize = 1 })
whole:wait(0.05)
expect.equal(whole:cancel(), true)
expect.equal(expect.raises("was cancelled", whole.get, whole).kind, "cancelled")
expect.equal(pool:apply(function() return "goes on" end), "goes on")
pool:close()
expect.equal(pool:join(expect.HANG), true)
