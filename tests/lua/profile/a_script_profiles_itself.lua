-- SPDX-License-Identifier: MIT
-- mm.profile: from a script, in every world and host. What computes is on top; one profile at a time; workers that
-- start later are in it; it ends once.
local mm = require("manymoons")
local expect = require("expect")

local path = "profile.folded"

local function crunch(n)
  local sum = 0
  for i = 1, n do sum = sum + tostring(i % 7) end
  return sum
end

-- For so much time of the processor that it is sampled.
local function compute()
  local start = os.clock()
  repeat crunch(1000) until os.clock() - start > 0.3
end

local function read()
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- The microseconds of the stacks that match.
local function time_of(pattern, text)
  local sum = 0
  for line in text:gmatch("[^\n]+") do
    if line:find(pattern) then sum = sum + tonumber(line:match("%d+$")) end
  end
  return sum
end

local stop = assert(mm.profile(path, { mode = "wall" }))
local ok, why = mm.profile("other.folded")
expect.equal(ok, nil)
expect.truthy(why:find("profiled already"), why)
expect.equal(io.open("other.folded"), nil)

compute()
local worker = mm.Process(compute)
worker:start()
worker:join()
expect.equal(worker.exitcode, 0)
expect.equal(stop(), true)

local text = read()
for line in text:gmatch("[^\n]+") do expect.truthy(line:find("^[^;]+;.+ %d+$"), line) end
expect.truthy(time_of("crunch", text) > 0, text)
expect.truthy(time_of("^main;", text) > 0, text)

local again, reason = stop()
expect.equal(again, nil)
expect.equal(reason, "nothing is profiled")
expect.equal(mm.profile(nil), nil)

-- A second one begins anew, and mm.profile(nil) ends it.
assert(mm.profile(path))
compute()
expect.equal(mm.profile(nil), true)
text = read()
expect.truthy(time_of("crunch", text) > 0, text)

expect.raises("profile: the name of a file expected, got number", mm.profile, 1)
expect.raises("profile: rate: a whole number from 1 to 1000 expected, got 0", mm.profile, path, { rate = 0 })
expect.raises("profile: mode: 'cpu', 'wall' or 'lock' expected, got fast", mm.profile, path, { mode = "fast" })
expect.raises("profile: unknown option 'speed'", mm.profile, path, { speed = 1 })
local missing, message = mm.profile("missing/profile.html")
expect.equal(missing, nil)
expect.truthy(message:find("missing/profile.html"), message)
