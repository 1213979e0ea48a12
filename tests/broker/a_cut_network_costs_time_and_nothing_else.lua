-- SPDX-License-Identifier: MIT
-- variants: release
-- Cables between client, server and two workers are cut, for less and for more than a lease, silently: packets are lost
-- and nobody is told. Each task has one outcome; what was delivered to a connection that was dead by then comes back.
local mm = require "manymoons"
local broker = require "broker"
local network = require "network"

local LEASE = 0.6
local host, one, two, here = network.machine("s"), network.machine("w1"), network.machine("w2"), network.machine("c")
local secret = broker.secret_file("secret", ("k"):rep(32))
broker.server("--port 6379 --bind 0.0.0.0 --protected-mode no", host.prefix)
local url = "redis://" .. host.address .. ":6379/0"
local options = "--slots 2 --lease " .. LEASE .. " --secret-file " .. secret
local workers = {
  broker.worker(url, "jobs", options, one.prefix), broker.worker(url, "jobs", options, two.prefix),
}

-- The client lives in a namespace of its own, too: a program that submits, and counts outcomes, until it is told to
-- end.
local client = broker.file("client.lua")
local file = assert(io.open(client, "w"))
file:write([[
  local mm, expect = require "manymoons", require "expect"
  local url, secret, stop, report = arg[1], arg[2], arg[3], arg[4]
  local pool = mm.Pool{ broker = url, name = "jobs", secret_file = secret, retries = 50 }
  local submitted, done, outcomes, last = 0, 0, {}, nil
  local function is_over() local f = io.open(stop) if f then f:close() end return f ~= nil end
  while not (is_over() and done == submitted) do
    while submitted - done < 40 and not is_over() do
      submitted = submitted + 1
      local number = submitted
      last = pool:submit(function(x) require("manymoons").sleep(0.01) return x + 1 end, number)
      last:on_done(function(future)
        done = done + 1
        outcomes[number] = (outcomes[number] or 0) + 1
        expect.equal(future:get(), number + 1)
        local out = io.open(report, "w") out:write(done) out:close()
      end)
    end
    if last:ready() then mm.sleep(0.06) else last:wait(0.05) end
  end
  for number = 1, submitted do expect.equal(outcomes[number], 1) end
  pool:close()
  expect.equal(pool:join(expect.HANG), true)
  print("fine")
]])
file:close()
local stop, report, out = broker.file("stop"), broker.file("report"), broker.file("out")
broker.start(here.prefix .. " " .. broker.program .. " " .. client .. " " .. url .. " " .. secret .. " " .. stop .. " "
  .. report, out)
local function done() return tonumber(broker.read_file(report)) or 0 end
local function goes_on(what)
  local before = done()
  broker.eventually("it goes on after " .. what .. "\n" .. broker.read_file(out) .. workers[1]:said(),
    function() return done() > before + 60 end)
end

goes_on("the start")
for _, cut in ipairs({ { one, "a worker" }, { here, "the client" }, { host, "the server" } }) do
  for _, leases in ipairs({ 0.5, 2, 4 }) do
    cut[1]:cut()
    mm.sleep(leases * LEASE)
    cut[1]:heal()
    goes_on(cut[2] .. " was cut off for " .. leases .. " leases")
  end
end
assert(io.open(stop, "w")):close()
broker.eventually("everything has its outcome: " .. broker.read_file(out),
  function() return broker.read_file(out) == "fine\n" end)
