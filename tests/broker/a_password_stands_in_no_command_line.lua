-- SPDX-License-Identifier: MIT
-- variants: release asan
-- The server's password comes from a file or from the environment, of workers, pools, queues and the tools alike.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

local server = broker.server()
server:cli("acl setuser ours on '>pass:word' '~manymoons:{ours}:*' '+@all' '-@admin' '-@dangerous'")
server:cli("acl setuser default on '>of all'")

local function password_file(name, text, mode)
  local path = broker.file(name)
  local file = assert(io.open(path, "w"))
  file:write(text, "\n")
  file:close()
  broker.run("chmod " .. (mode or "600") .. " " .. path)
  return path
end
local file = password_file("password", "pass:word")
local url = "unix://ours@" .. server.socket

local worker = broker.worker(url, "ours", "--slots 1 --lease 1 --password-file " .. file)
local words = broker.read_file("/proc/" .. worker.pid .. "/cmdline")
expect.equal(words:find("pass:word", 1, true), nil)
local pool = mm.Pool{ broker = url, name = "ours", password_file = file }
expect.equal(pool:map(function(x) return x * 2 end, { 1, 2 }), { 2, 4 })
local queue = mm.Queue{ broker = url, name = "ours", password_file = file }
expect.equal(tostring(queue):find("pass", 1, true), nil)
-- a queue that travels finds the password at the other end
expect.equal(pool:apply(function(q) q:put("there") return "put" end, queue), "put")
expect.equal(queue:get(expect.HANG), "there")
pool:terminate()

local look = broker.program .. " pool " .. url .. " ours"
expect.truthy(broker.run(look .. " --password-file " .. file):find("ours: nothing waiting"), "with a file")
expect.truthy(broker.run("MANYMOONS_BROKER_PASSWORD_FILE=" .. file .. " " .. look):find("nothing waiting"), "named")
expect.truthy(broker.run("MANYMOONS_BROKER_PASSWORD=pass:word " .. look):find("nothing waiting"), "in the environment")
expect.truthy(broker.run(look):find("WRONGPASS"), "without")
-- without a user's name it is the default user's
local plain = broker.program .. " pool unix://" .. server.socket .. " ours"
expect.truthy(broker.run("MANYMOONS_BROKER_PASSWORD='of all' " .. plain):find("nothing waiting"), "the default user's")
expect.truthy(broker.run(plain):find("NOAUTH"), "none")

local function pool_with(path) return mm.Pool{ broker = url, name = "ours", password_file = path } end
expect.raises("Pool: password_file: .*absent: No such file", pool_with, broker.file("absent"))
expect.raises("Pool: password_file: .* can be read by others; type: chmod 600", pool_with,
  password_file("open", "pass:word", "644"))
expect.raises("Pool: password_file: .* is empty", pool_with, password_file("empty", ""))
expect.raises("Pool: password_file: a string expected, got number", pool_with, 1)
