-- SPDX-License-Identifier: MIT
-- worlds: processes
-- variants: release debug asan
-- sandbox = { network = true }: connections over TCP, with a key and by a name; no Unix socket. Without it: none.
local mm = require("manymoons")
local expect = require("expect")

if mm._native.sandbox_obstacle(true) then
  io.stderr:write("SKIPPED: ", mm._native.sandbox_obstacle(true), "\n")
  os.exit(77)
end

local function talk(address, key)
  local connection, why = require("manymoons").Client(address, { authkey = key })
  if not connection then return why end
  connection:send("hello")
  return connection:recv(60)
end

local function answered(host, key)
  local listener = assert(mm.Listener("127.0.0.1:0", { authkey = key }))
  local pool = mm.Pool({ workers = 1, sandbox = { network = true } })
  local future = pool:submit(talk, (listener.address:gsub("127%.0%.0%.1", host)), key)
  local connection = assert(listener:accept(expect.HANG))
  expect.equal(connection:recv(expect.HANG), "hello")
  connection:send("back")
  expect.equal(future:get(expect.HANG), "back")
  connection:close()
  listener:close()
  pool:terminate()
end
answered("127.0.0.1", nil)
answered("127.0.0.1", ("k"):rep(20))
answered("localhost", nil)

local unix = assert(mm.Listener())
local pool = mm.Pool({ workers = 1, sandbox = { network = true } })
expect.truthy(pool:apply(talk, unix.address):find("^E"))
pool:terminate()
local tcp = assert(mm.Listener("127.0.0.1:0"))
pool = mm.Pool({ workers = 1, sandbox = true })
for _, address in ipairs({ unix.address, tcp.address }) do
  expect.truthy(pool:apply(talk, address):find("EPERM", 1, true))
end
pool:terminate()
unix:close()
tcp:close()
