-- SPDX-License-Identifier: MIT
-- worlds: async threads interpreters processes
-- A client whose timeout is short gives up before one whose timeout is longer, wherever it waits: in the line of a
-- listener that accepts nobody, or after half a handshake.
local mm = require "manymoons"
local expect = require "expect"

local native = mm._native
local said = mm.Queue()

local function client(address, timeout, q)
  local c, why = require("manymoons").Client(address, { authkey = "k", timeout = timeout })
  q:put({ timeout, c == nil, why })
end

local function expect_order(address)
  local long, short = mm.Process(client, address, 8, said), mm.Process(client, address, 0.1, said)
  long:start()
  short:start()
  expect.equal(said:get(expect.HANG), { 0.1, true, "timeout" })
  long:terminate()
  long:join()
  short:join()
end

local stream, address = native.socket_listen("127.0.0.1:0")
expect_order(address)

local greeter = mm.Process(function()
  local moons = require("manymoons")
  local peers = {}
  while #peers < 2 do
    peers[#peers + 1] = stream:accept()
    moons.sleep(0.001)
  end
  for _, peer in ipairs(peers) do peer:send("MM\1K" .. ("r"):rep(32)) end
  moons.sleep(60)
end)
if mm.current_world() == "threads" or mm.current_world() == "async" then -- the workers share the listener
  greeter:start()
  expect_order(address)
  greeter:terminate()
  greeter:join()
end
stream:close()
expect.equal({ mm.Client(address, { timeout = expect.HANG }) }, { nil, "ECONNREFUSED: Connection refused" })
