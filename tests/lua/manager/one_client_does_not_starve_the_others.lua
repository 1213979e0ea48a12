-- SPDX-License-Identifier: MIT
-- worlds: threads interpreters processes
-- A client that sends requests without end, and one that sends a message without end, take turns with the others.
local mm = require "manymoons"
local expect = require "expect"

local m = mm.Manager({ authkey = "k", address = "127.0.0.1:0" })
local d = m:dict({ n = 0, text = "" })
local begun = mm.processes.Queue()

-- They end when they are killed: what follows is served beside them or never.
local function flood(address, q)
  local moons = require("manymoons")
  local c = assert(moons.Client(address, { authkey = "k" }))
  moons.threads.Process({ daemon = true, target = function() while c:recv() do end end }):start()
  q:put("begun")
  while c:send({ n = 1, "count_objects" }) do end
end
local function send_long(address, q)
  local c = assert(require("manymoons").Client(address, { authkey = "k" }))
  local stream = c._state.stream
  stream:send("\0\0\0\0\1\0\0\0", 60) -- the head of a message of 4 GB
  q:put("begun")
  local part = ("x"):rep(2 ^ 20)
  while stream:send(part, 60) do end
end
local function never_read(address, q)
  local c = assert(require("manymoons").Client(address, { authkey = "k" }))
  q:put("begun")
  while c:send({ n = 1, "count_objects" }) do end
end

local floods = { flood, send_long, never_read }
for i, f in ipairs(floods) do
  floods[i] = mm.processes.Process({ target = f, args = { m.address, begun }, daemon = true })
  floods[i]:start()
end
for _ = 1, #floods do expect.equal(begun:get(expect.HANG), "begun") end
for i = 1, 20 do
  d.n = i
  expect.equal(d.n, i)
end
for _, p in ipairs(floods) do
  p:kill()
  p:join()
end
expect.equal(d.n, 20)
m:close()
