-- SPDX-License-Identifier: MIT
-- variants: release asan
-- A host that does not resolve, a port where nobody listens, and a server of another kind each give an error that says
-- so, of a pool, a queue, a worker and the tool; a failure that cannot be read is an error as each other one.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local function check(url, what)
  for _, kind in ipairs({ "Pool", "Queue" }) do
    local err = expect.raises(what, mm[kind], { broker = url, name = "jobs" })
    expect.truthy(tostring(err):find("^[^\n]*" .. kind .. ": broker: "), tostring(err))
  end
  local text = broker.run(broker.program .. " pool " .. broker.quote(url) .. " jobs")
  expect.truthy(text:find(what), text)
end
check("redis://no-such-host.invalid/0", "no such address: no%-such%-host%.invalid:6379")
check("unix://" .. ("/x"):rep(100), "the path is too long: /x")
check("redis://127.0.0.1:1/0", "ECONNREFUSED")

-- A server that speaks another protocol.
local addresses = mm.Queue()
local other = mm.Process{ daemon = true, target = function()
  local listener = mm.Listener("127.0.0.1:0")
  addresses:put(listener.address)
  while true do listener:accept(1) end
end }
other:start()
check("redis://" .. addresses:get(expect.HANG) .. "/0", "the server does not speak the protocol of Redis")
other:terminate()
other:join()

-- The bytes of a failure that cannot be read.
local codec = mm._require("broker.codec")
local ok, err = codec.decode_outcome("e\1\2", false)
expect.equal({ ok, getmetatable(err), err.kind }, { false, mm.Error, "unsendable" })
expect.truthy(tostring(err):find("the failure cannot be read"), tostring(err))
