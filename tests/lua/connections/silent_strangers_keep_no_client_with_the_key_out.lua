-- SPDX-License-Identifier: MIT
-- worlds: interpreters processes
-- Hundreds of connections that say nothing, of the client's own host: a client with the key gets in, over TCP and over
-- a Unix socket, to a Listener and to a Manager, and the ones that were in before stay.
local mm = require "manymoons"
local expect = require "expect"

local native = mm._native
local STRANGERS = 300

local function stay_silent(address)
  local list = {}
  for i = 1, STRANGERS do
    list[i] = native.socket_connect(address, 1) -- the listener's line may be full
  end
  return list
end

local function client(address, results)
  local moons = require("manymoons")
  local c, why = moons.Client(address, { authkey = "secret", timeout = require("expect").HANG })
  if c then c:send("has the key") end
  results:put(c and "in" or why)
  if c then c:recv(require("expect").HANG) end
end

for _, address in ipairs({ "127.0.0.1:0", "@manymoons-silent-" .. mm.current_process().pid }) do
  local listener = assert(mm.Listener(address, { authkey = "secret" }))
  local results = mm.Queue()
  local first = mm.Process(client, listener.address, results)
  first:start()
  local early = assert(listener:accept(expect.HANG))
  expect.equal({ early:recv(expect.HANG), results:get(expect.HANG) }, { "has the key", "in" })
  local silent = mm.Process(function(a, r, HANG)
    local list = stay_silent(a)
    r:put("all are there")
    require("manymoons").sleep(HANG)
    return #list
  end, listener.address, results, expect.HANG)
  silent:start()
  local late = mm.Process(client, listener.address, results)
  local accepted, has_begun
  while not accepted do
    accepted = listener:accept(0.01)
    if not has_begun and results:get(0) then
      has_begun = true
      late:start()
    end
  end
  expect.equal(accepted:recv(expect.HANG), "has the key")
  accepted:send("bye")
  early:send("bye")
  late:join()
  first:join()
  silent:terminate()
  silent:join()
  listener:close()
end

local m = mm.Manager({ address = "127.0.0.1:0", authkey = "secret" })
local d = m:dict({ n = 1 })
local silent = stay_silent(m.address)
local other = assert(mm.connect(m.address, "secret"))
expect.equal({ #other:list():copy(), d.n }, { 0, 1 })
other:close()
for i = 1, STRANGERS do
  if silent[i] then silent[i]:close() end
end
m:close()
