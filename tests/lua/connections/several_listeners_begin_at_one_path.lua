-- SPDX-License-Identifier: MIT
-- worlds: processes
-- A path at which nobody listens any more is taken over; of several listeners that begin there at once exactly one gets
-- it, clients reach that one, and another one that ends leaves its file alone.
local mm = require "manymoons"
local expect = require "expect"

local COUNT = 4
local path = os.tmpname()
os.remove(path)

local function listen(its_path, begin, results, go)
  local moons = require("manymoons")
  local HANG = require("expect").HANG
  begin:wait(HANG)
  local listener, why = moons.Listener(its_path)
  results:put(listener and "listens" or why)
  if not listener then return end
  local c = listener:accept(HANG)
  c:send("reached")
  go:get(HANG) -- it is killed here, and leaves its file
end

for round = 1, 10 do
  local begin, results, go, list = mm.Event(), mm.Queue(), mm.Queue(), {}
  for i = 1, COUNT do
    list[i] = mm.Process(listen, path, begin, results, go)
    list[i]:start()
  end
  begin:set()
  local said = {}
  for i = 1, COUNT do said[i] = results:get(expect.HANG) end
  table.sort(said)
  expect.equal(said, { "EADDRINUSE: Address already in use", "EADDRINUSE: Address already in use",
    "EADDRINUSE: Address already in use", "listens" }, "round " .. round)
  local c = assert(mm.Client(path, { timeout = expect.HANG }))
  expect.equal(c:recv(expect.HANG), "reached")
  for i = 1, COUNT do
    list[i]:kill()
    list[i]:join()
  end
  c:close()
end

-- A listener whose file was removed does not remove that of the next one.
local first = assert(mm.Listener(path))
os.remove(path)
local second = assert(mm.Listener(path))
first:close()
expect.equal({ mm.Listener(path) }, { nil, "EADDRINUSE: Address already in use" })
second:close()
expect.equal(os.remove(path), nil)
