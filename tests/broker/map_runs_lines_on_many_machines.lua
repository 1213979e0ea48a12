-- SPDX-License-Identifier: MIT
-- manymoons map --broker: the lines run on the workers of a pool, in order, and a worker that dies loses none.
local broker = require "broker"
local expect = require "expect"

local SECRET = ("s"):rep(20)
local own = broker.secret_file("own", SECRET)
local server = broker.server()
local function worker() return broker.worker(server, "map", "--slots 2 --lease 1 --secret-file " .. own) end
local first = worker()

local function map(input, words)
  return broker.run(string.format("%s | %s map --broker %s --secret-file %s %s 2>&1; echo status $?", input,
    broker.program, server.url, own, words))
end

local wanted = {}
for i = 1, 3000 do wanted[i] = ("%d\n"):format(i * 2) end
expect.equal(map("seq 1 3000", "'x * 2'"), table.concat(wanted) .. "status 0\n")
expect.equal(map("seq 1 100", "--reduce 'a + b' x"), "5050\nstatus 0\n")
expect.equal(map("seq 1 3", [['if n == 2 then error("no") end return x']]),
  "1\nmanymoons map: line 2 ('2'): code:1: no\n3\nstatus 1\n")
worker()
local reached = broker.file("reached")
broker.start(string.format("sh -c 'while [ ! -e %s ]; do sleep 0.01; done; kill -9 %d'", reached, first.pid),
  broker.file("killer"))
local code = ([['if n == 50 and not io.open("%s") then
  io.open("%s", "w"):close() require("manymoons").sleep(1) end return x']]):format(reached, reached)
wanted = {}
for i = 1, 100 do wanted[i] = i .. "\n" end
expect.equal(map("seq 1 100", code), table.concat(wanted) .. "status 0\n")
expect.truthy(map("seq 3", "--broker unix:///nowhere x"):find("status 255", 1, true))
