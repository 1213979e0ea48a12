#!/bin/sh
# SPDX-License-Identifier: MIT
# A listener that has no descriptor for its next client waits without using the processor, and says why; the client gets
# in once there is a descriptor again. Strangers do not get the last descriptors: they make room for each other.
set -eu

cat >starved.lua <<'END'
local mm = require "manymoons"
local native = mm._native
local listener = assert(mm.Listener(nil, { authkey = "secret" }))
local client = mm.processes.Process(function(address, HANG)
  local c = assert(require("manymoons").Client(address, { authkey = "secret", timeout = HANG }))
  c:send("in")
  c:recv(HANG)
end, listener.address, 60)
client:start()
local held = {}
while true do
  local file = io.open("/dev/null")
  if not file then break end
  held[#held + 1] = file
end
local before = os.clock()
for _, timeout in ipairs({ 0.3, false }) do
  local c, why = listener:accept(timeout or nil)
  assert(c == nil and why == "EMFILE: Too many open files", tostring(why))
end
assert(os.clock() - before < 0.5, "the processor was used while nothing could be done")
for _, file in ipairs(held) do file:close() end
local c = assert(listener:accept(60))
assert(c:recv(60) == "in")
c:send("bye")
client:join()

-- Strangers.
local said, strangers = mm.processes.Queue(), {}
for i = 1, 2 do
  strangers[i] = mm.processes.Process(function(address, q)
    local moons, list = require("manymoons"), {}
    for j = 1, 60 do list[j] = moons._native.socket_connect(address, 60) end
    q:put(#list)
    moons.sleep(60)
  end, listener.address, said)
  strangers[i]:start()
end
for _ = 1, 2 do
  while not said:get(0) do assert(select(2, listener:accept(0.01)) == "timeout") end
end
for i = 1, 8 do held[i] = assert(io.open("/dev/null")) end
for i = 1, 2 do strangers[i]:kill() end
END
(ulimit -n 96 && exec timeout "${MM_HANG:-60}" "$MM_BUILD/manymoons" starved.lua) 2>&1
