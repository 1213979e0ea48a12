-- SPDX-License-Identifier: MIT
-- variants: release asan
-- `manymoons worker --sandbox`: tasks run, reach no file but the named ones, get no secret, and return data alone.
local mm = require "manymoons"
local broker = require "broker"
local expect = require "expect"

if mm._native.sandbox_obstacle(true) then
  io.stderr:write("SKIPPED: ", mm._native.sandbox_obstacle(true), "\n")
  os.exit(77)
end

local SECRET = ("s"):rep(20)
local own = broker.secret_file("own", SECRET)
local named = broker.file("named")
local file = assert(io.open(named, "w"))
file:write("named")
file:close()

local server = broker.server()
broker.worker(server, "jobs", "--slots 1 --sandbox --read " .. named .. " --secret-file " .. own)
local pool = mm.Pool{ broker = server.url, name = "jobs", secret_file = own }

expect.equal(pool:apply(function(x) return x + 1 end, 1), 2)
expect.equal(pool:map(function(x) return { x, n = x * x } end, { 1, 2, 3 })[3], { 3, n = 9 })
local function read(path)
  local opened, why = io.open(path)
  return opened and opened:read("*a"), why
end
expect.equal(pool:apply(read, named), "named")
expect.equal(select(2, pool:apply(read, own)), own .. ": Permission denied")

-- Nothing that a task can see is the secret, and no function comes back.
expect.equal(pool:apply(function()
  local settings = require("manymoons")._require("broker.settings")
  return settings.default_secrets and #settings.default_secrets or 0
end), 0)
local ok, err = pcall(pool.apply, pool, function() return { function() end } end)
expect.equal(ok, false)
expect.truthy(tostring(err):find("function", 1, true), tostring(err))
ok, err = pcall(pool.apply, pool, function() error({ call = function() end }) end)
expect.equal({ ok, err.kind }, { false, "error" })

-- An error of the task is the task's alone.
ok, err = pcall(pool.apply, pool, function() error("boom") end)
expect.equal(ok, false)
expect.truthy(tostring(err):find("boom", 1, true), tostring(err))
expect.equal(pool:apply(function() return "on" end), "on")
pool:terminate()

-- Its words.
for words, why in pairs({ ["--read /tmp"] = "only with --sandbox", ["--sandbox --read /nowhere"] = "No such file" }) do
  local said = broker.run(string.format("%s worker %s --pool other --secret-file %s %s", broker.program, server.url,
    own, words))
  expect.truthy(said:find(why, 1, true), said)
end
